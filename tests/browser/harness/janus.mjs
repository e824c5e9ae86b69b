// Janus with its video room, as Debian packages it: what a picture is like by it, over the same lines.

import { existsSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Process } from "./process.mjs";
import { until } from "./until.mjs";

const program = "/usr/bin/janus";
const room = 1234;
const port = 8088;
/** It forgets a session of which it has heard nothing for a minute. */
const KEPT_EVERY_MS = 20_000;

export const hasJanus = () => existsSync(program);

/** One Janus with one room; its pages offer to publish and answer to play. */
export class Janus {
  name = "Janus";

  static async start() {
    const janus = new Janus();
    const settings = await mkdtemp(join(tmpdir(), "janus-"));
    const file = (name, text) => writeFile(join(settings, name), text);
    const off = ["audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom", "videocall", "voicemail"];
    const closed = ["mqtt", "nanomsg", "pfunix", "rabbitmq", "websockets"];
    const list = (names) => names.map((name) => `libjanus_${name}.so`).join(",");
    await file("janus.jcfg", `general: { debug_level = 0 }\nplugins: { disable = "${list(off)}" }\ntransports: { disable = "${list(closed)}" }\n`);
    await file("janus.transport.http.jcfg", `general: { http = true\n port = ${port}\n ip = "127.0.0.1"\n https = false }\n`);
    await file("janus.plugin.videoroom.jcfg", "general: { }\n");
    janus.process = new Process(program, ["--configs-folder", settings]);
    const http = `http://127.0.0.1:${port}/janus`;
    const created = await until("Janus answers", () => post(http, { janus: "create" }).catch(() => false));
    janus.session = `${http}/${created.data.id}`;
    janus.keeping = setInterval(() => post(janus.session, { janus: "keepalive" }).catch(() => undefined), KEPT_EVERY_MS);
    await janus.#tell(await janus.#attach(), { request: "create", room, publishers: 4, bitrate: 0, videocodec: "h264", audiocodec: "opus" });
    return janus;
  }

  /** The answer to an offer that sends. */
  async publish(offer) {
    const handle = await this.#attach();
    const joined = await this.#ask(handle, { request: "join", ptype: "publisher", room });
    this.feed = joined.plugindata.data.id;
    return (await this.#ask(handle, { request: "publish" }, { type: "offer", sdp: offer })).jsep.sdp;
  }

  /** Lets a page play: `answer` gives its answer to an offer. */
  async play({ answer }) {
    const handle = await this.#attach();
    const joined = await this.#ask(handle, { request: "join", ptype: "subscriber", room, streams: [{ feed: this.feed }] });
    await this.#ask(handle, { request: "start" }, { type: "answer", sdp: await answer(joined.jsep.sdp) });
  }

  async stop() {
    clearInterval(this.keeping);
    await this.process.stop();
  }

  async #attach() {
    const { data } = await post(this.session, { janus: "attach", plugin: "janus.plugin.videoroom" });
    return `${this.session}/${data.id}`;
  }

  async #tell(handle, body, jsep) {
    return await post(handle, { janus: "message", body, ...(jsep && { jsep }) });
  }

  /** Says something to a handle and waits for the event that answers it. */
  async #ask(handle, body, jsep) {
    await this.#tell(handle, body, jsep);
    const number = Number(handle.split("/").at(-1));
    for (;;) {
      const event = await (await fetch(this.session)).json();
      if (event.janus !== "event" || event.sender !== number) continue;
      if (event.plugindata.data.error) throw new Error(`Janus refuses: ${JSON.stringify(event.plugindata.data)}`);
      return event;
    }
  }
}

async function post(url, message) {
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ transaction: "t", ...message }) });
  const answer = await response.json();
  if (answer.janus === "error") throw new Error(`Janus refuses: ${JSON.stringify(answer)}`);
  return answer;
}
