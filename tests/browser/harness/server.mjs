// The real binary, started and stopped.

import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Process } from "./process.mjs";
import { until } from "./until.mjs";

const repository = new URL("../../../", import.meta.url).pathname;
/** The server's binary; `make` names it, and a lone run finds it where cargo puts it. */
export const binary = process.env.CONSILIUM ?? join(process.env.CARGO_TARGET_DIR ?? join(repository, "target"), "release/consilium");

/** The demo's pictures are drawn once for each build of the server, not for each journey. */
export const demoCache = { XDG_CACHE_HOME: new URL("../results/cache", import.meta.url).pathname };

// `harness/alone` gives a run its own network, so nobody else has these.
let port = 8080;

/** A running `consilium serve`, or `demo`. */
export class Server {
  /**
   * @param {{ command?: "serve" | "demo", host?: string, flags?: string[] }} [how]
   *   `host` is where the pages are served and the media comes in.
   */
  static async start({ command = "serve", host = "127.0.0.1", flags = [] } = {}) {
    const server = new Server();
    server.data = await mkdtemp(join(tmpdir(), "consilium-"));
    const [http, media] = [port, port + 1];
    port += 20; // every worker has a media port of its own
    server.url = `http://${host}:${http}`;
    server.media = { host, port: media };
    const where = ["--http", `${host}:${http}`, "--media", `${host}:${media}`, "--data", server.data];
    server.process = new Process(binary, [command, ...where, ...flags], { env: demoCache });
    const ready = until(`${server.url}/readyz`, () => fetch(`${server.url}/readyz`).then((answer) => answer.ok, () => false));
    await Promise.race([
      ready,
      server.process.ended.then((code) => {
        throw new Error(`consilium ${command} ended with ${code}:\n${server.process.said}`);
      }),
    ]);
    return server;
  }

  /** A join token. */
  async token({ room = "room-1", role, name = `Dr. Example ${role}`, site }) {
    const args = ["token", "--data", this.data, "--room", room, "--role", role, "--name", name];
    const { stdout } = await promisify(execFile)(binary, site ? [...args, "--site", site] : args);
    return stdout.trim();
  }

  /** The page of a member: its link, as `consilium demo` prints it. */
  async link(who, codec) {
    return `${this.url}/#token=${await this.token(who)}${codec ? `&codec=${codec}` : ""}`;
  }

  /** All metrics as they are now. */
  async metrics() {
    return new Metrics(await (await fetch(`${this.url}/metrics`)).text());
  }

  /** Ends it as an operator does, and gives its exit code. */
  async stop() {
    return await this.process.stop();
  }
}

/** One reading of `/metrics`. */
export class Metrics {
  #samples;
  #text;

  constructor(text) {
    this.#text = text;
    this.#samples = text
      .split("\n")
      .map((line) => line.match(/^([a-z0-9_]+)(?:\{(.*)\})? (\S+)/i))
      .filter(Boolean)
      .map(([, name, labels = "", value]) => ({ name, labels, value: Number(value) }));
  }

  /** The sum over all samples of this name, narrowed to labels such as `kind="pli"`. An unknown name is an error. */
  sum(name, ...labels) {
    if (!this.#text.includes(`# TYPE ${name.replace(/_total$/, "")} `)) throw new Error(`no metric ${name} in:\n${this.#text}`);
    const rows = this.#samples.filter((sample) => sample.name === name && labels.every((label) => sample.labels.includes(label)));
    return rows.reduce((total, sample) => total + sample.value, 0);
  }
}
