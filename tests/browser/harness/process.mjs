// Processes that a journey starts, and ends by their own id.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A started process whose lines can be awaited. */
export class Process {
  #child;
  #lines = [];
  #heard = new Set();

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {{ env?: Record<string, string>, namespace?: string }} [where] the network namespace, if not the journey's own
   */
  constructor(command, args, { env = {}, namespace } = {}) {
    const [file, rest] = namespace ? ["ip", ["netns", "exec", namespace, command, ...args]] : [command, args];
    this.name = command.split("/").at(-1);
    this.#child = spawn(file, rest, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin.on("error", () => {}); // it may end before it has read everything; its exit says so
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.#lines.push(line);
        for (const listener of this.#heard) listener(line);
      });
    }
    this.ended = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  get stdin() {
    return this.#child.stdin;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Lets this process end although that one still runs; `harness/alone` ends it then. */
  unref() {
    this.#child.unref();
    for (const stream of this.#child.stdio) stream.unref();
  }

  /** Everything said so far on standard output and standard error. */
  get said() {
    return this.#lines.join("\n");
  }

  /** True while it runs. */
  get running() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * The first line, said already or yet to come, that matches.
   * @param {RegExp} pattern
   * @returns {Promise<RegExpMatchArray>}
   */
  async line(pattern, within_ms = 60_000) {
    for (const line of this.#lines) {
      const match = line.match(pattern);
      if (match) return match;
    }
    return await new Promise((resolve, reject) => {
      const done = (settle, value) => {
        this.#heard.delete(listener);
        clearTimeout(timer);
        settle(value);
      };
      const fail = (why) => done(reject, new Error(`${this.name} ${why} before ${pattern}:\n${this.said.slice(-4000)}`));
      const listener = (line) => {
        const match = line.match(pattern);
        if (match) done(resolve, match);
      };
      const timer = setTimeout(() => fail(`said nothing in ${within_ms} ms`), within_ms);
      this.#heard.add(listener);
      this.ended.then((code) => fail(`ended with ${code}`));
    });
  }

  /** Asks it to end, makes it end after five seconds, and gives its exit code or signal. */
  async stop(signal = "SIGTERM") {
    if (this.running) {
      this.#child.kill(signal);
      const hard = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
      await this.ended;
      clearTimeout(hard);
    }
    return await this.ended;
  }
}
