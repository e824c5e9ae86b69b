import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  build: {
    target: ["chrome115", "firefox128", "safari17"],
    // Everything is embedded in the server's binary; a map would double it.
    sourcemap: false,
    chunkSizeWarningLimit: 700,
  },
  server: {
    // The message types lie beside this directory, in `signaling/`.
    fs: { allow: [fileURLToPath(new URL("..", import.meta.url))] },
    proxy: { "/ws": { target: server, ws: true }, "/api": server, "/healthz": server },
  },
  test: { include: ["src/**/*.test.ts"] },
});
