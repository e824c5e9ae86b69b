// A sound card for Firefox, which runs no audio graph at all without one: a sound server with nothing behind it.

import { access, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Process } from "./process.mjs";
import { until } from "./until.mjs";

let started;

/** The environment of a process that wants to be heard. One server for all; it ends with the run. */
export function soundCard() {
  started ??= start();
  return started;
}

async function start() {
  const home = await mkdtemp(join(tmpdir(), "sound-"));
  const socket = join(home, "socket");
  const modules = [`--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`, "--load=module-null-sink"];
  const quietly = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"];
  const server = new Process("pulseaudio", [...quietly, ...modules], { env: { HOME: home, XDG_RUNTIME_DIR: home } });
  server.unref();
  await until("a sound server", async () => {
    if (!server.running) throw new Error(server.said);
    return await access(socket).then(() => true, () => false);
  });
  return { PULSE_SERVER: `unix:${socket}` };
}
