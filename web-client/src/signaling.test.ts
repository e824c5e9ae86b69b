import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerMessage } from "../../signaling/messages.ts";
import { ConnectionLost, Refused, Signaling } from "./signaling.ts";

/** The server's end of a WebSocket, in this process. */
class Wire {
  static readonly OPEN = 1;
  static all: Wire[] = [];
  readyState = 0;
  said: { type: string; id?: number }[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    Wire.all.push(this);
  }
  send(text: string): void {
    this.said.push(JSON.parse(text) as { type: string; id?: number });
  }
  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  tell(message: object | string): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  fail(): void {
    this.readyState = 3;
    this.onclose?.();
  }
  letIn(): void {
    this.open();
    const you = { id: 1, name: "Dr. Example One", role: "expert", site: null };
    const policy = { speak: [], wait: [], history: [], locked: false, sites_joined: false };
    this.tell({
      type: "joined", re: this.said[0]?.id, version: 1, room: "r", kind: "guidance", you, members: [you], feeds: [], voices: [],
      policy, programme: "open", said: [], questions: [], calls: [], waiting: [],
    });
  }
  last(type: string): { type: string; id?: number } | undefined {
    return this.said.findLast((each) => each.type === type);
  }
}

const wire = (): Wire => Wire.all.at(-1) ?? new Wire();
const heard: ServerMessage["type"][] = [];
let lost = 0;
let signaling: Signaling;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Wire);
  vi.stubGlobal("window", new EventTarget());
  Wire.all = [];
  heard.length = lost = 0;
  signaling = new Signaling("ws://localhost/ws", "aa.bb.cc", {
    connecting: () => undefined, heard: (message) => heard.push(message.type), lost: () => (lost += 1),
  });
  signaling.start();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("signaling", () => {
  it("says join first, and nothing before it (J1)", () => {
    wire().letIn();
    expect(wire().said[0]).toEqual({ type: "join", version: 1, token: "aa.bb.cc", id: 1 });
    expect(wire().said.map((each) => each.type)).toEqual(["join", "ping"]);
    expect(heard).toEqual(["joined"]);
  });

  it("brings each answer to its question, in whatever order they come", async () => {
    wire().letIn();
    const first = signaling.ask({ type: "watch", slot: 0, choice: { feed: 1 } });
    const second = signaling.ask({ type: "watch", slot: 1, choice: { feed: 2 } });
    const [a, b] = wire().said.filter((each) => each.type === "watch").map((each) => each.id);
    wire().tell({ type: "watched", re: b, slot: 1, feed: 2, vacant: null });
    wire().tell({ type: "refused", re: a, code: "unknown_feed", message: "No." });
    await expect(second).resolves.toMatchObject({ slot: 1, feed: 2 });
    await expect(first).rejects.toBeInstanceOf(Refused);
  });

  it("goes on after a frame that is none (E3)", () => {
    wire().letIn();
    for (const frame of ["", "{", '{"type":"sung"}', '{"type":"left","member":"x"}']) wire().tell(frame);
    wire().tell({ type: "left", member: 4 });
    expect(heard).toEqual(["joined", "left"]);
  });

  it("fails what waits when the connection goes, and joins again by itself", async () => {
    wire().letIn();
    const question = signaling.ask({ type: "mute_voice", muted: true });
    wire().fail();
    await expect(question).rejects.toBeInstanceOf(ConnectionLost);
    expect(lost).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(Wire.all).toHaveLength(2);
    wire().letIn();
    expect(heard).toEqual(["joined", "joined"]);
  });

  it("tries within every 2.5 s while nobody answers: back within 5 s of the server (PRODUCT section 4)", async () => {
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const before = Wire.all.length;
      wire().fail();
      await vi.advanceTimersByTimeAsync(2_500);
      expect(Wire.all).toHaveLength(before + 1);
    }
  });

  it("takes a connection on which nothing comes for dead", async () => {
    wire().letIn();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(lost).toBe(1);
    expect(Wire.all.length).toBeGreaterThan(1);
  });

  it("says leave when it stops, and does not come back", async () => {
    wire().letIn();
    const left = wire();
    signaling.stop();
    expect(left.last("leave")).toEqual({ type: "leave" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(Wire.all).toHaveLength(1);
  });
});
