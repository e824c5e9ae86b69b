// Measures the delay from glass to glass and keeps the figures in benches/results, by date.

import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";

import { measureDelay } from "./harness/delay.mjs";

const rows = [];
for (let run = 1; run <= 3; run++) rows.push(...(await measureDelay(450)).map((row) => ({ run, ...row })));
console.table(rows);
const results = new URL("../../benches/results/", import.meta.url);
await mkdir(results, { recursive: true });
const machine = `${cpus().length} cores, ${cpus()[0].model}`;
const lines = rows.map((row) => `| ${row.run} | ${row.path} | ${row.p50_ms} | ${row.p95_ms} | ${row.frames} | ${row.without_capture_time} |`);
const report = [
  `# Glass to glass, ${new Date().toISOString().slice(0, 10)}`,
  "",
  `720p30 H.264, two headless Chromium on one machine (${machine}), read by requestVideoFrameCallback in the viewer's page.`,
  "Made by `make bench`.",
  "",
  "| run | path | p50 ms | p95 ms | frames | without capture time |",
  "|---|---|---|---|---|---|",
  ...lines,
  "",
].join("\n");
await writeFile(new URL(`${new Date().toISOString().slice(0, 10)}-delay.md`, results), report);
