// The dialogues of the contract: what each client hears in them goes through this client's reducer, and after every
// line the state holds what the line said.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ServerMessage } from "../../signaling/messages.ts";
import { check } from "./check.ts";
import { act, EMPTY, hear, type Session } from "./session.ts";

const DIRECTORY = new URL("../../signaling/dialogues/", import.meta.url);

interface Line {
  readonly to?: string;
  readonly hear?: Record<string, unknown>;
  /** What clients know at the end, where a dialogue says it. */
  readonly end?: Record<string, unknown>;
}

describe("signaling/dialogues", () => {
  const files = readdirSync(DIRECTORY).filter((name) => name.endsWith(".jsonl"));
  it("are there to be replayed", () => expect(files).not.toEqual([]));
  for (const file of files) it(file, () => replay(readFileSync(new URL(file, DIRECTORY), "utf8")));
});

function replay(text: string): void {
  const sessions = new Map<string, Session>();
  for (const source of text.split("\n").filter((each) => each.trim() !== "")) {
    const line = JSON.parse(source) as Line;
    for (const [client, known] of Object.entries(line.end ?? {})) {
      expect(summaryOf(sessions.get(client) ?? EMPTY), `${client} at the end`).toMatchObject(known as object);
    }
    if (line.hear === undefined) continue;
    const heard = check(filled(line.hear));
    if ("wrong" in heard) expect.fail(`${heard.wrong} in ${source}`);
    if (!("message" in heard)) continue;
    const client = line.to ?? "";
    const session = hear(sessions.get(client) ?? act(EMPTY, { type: "connecting" }), heard.message);
    sessions.set(client, session);
    expectSaid(session, heard.message, source);
  }
  expect(sessions.size, "a dialogue in which nobody hears anything").toBeGreaterThan(0);
}

/** A `"*"` stands for anything, and `"...": "*"` for fields that the line does not name. */
function filled(message: Record<string, unknown>): Record<string, unknown> {
  const anything: Record<string, unknown> = {
    re: null, version: 1, room: "room-12", kind: "guidance", you: { id: 1, name: "Dr. Example One", role: "expert", site: null },
    members: [], feeds: [], voices: [], sdp: "", voice: null, message: "", at_ms: 0, server_ms: 0, by: null,
    policy: { speak: [], wait: [], history: [], locked: false, sites_joined: false }, programme: "open", said: [], questions: [],
    calls: [], waiting: [],
  };
  const whole = message["..."] === undefined ? message : { ...anything, ...message };
  return Object.fromEntries(Object.entries(whole).filter(([key]) => key !== "...")
    .map(([key, value]) => [key, value === "*" ? anything[key] : value]));
}

/** The line's own news must be in the state. */
function expectSaid(session: Session, message: ServerMessage, source: string): void {
  const ids = (list: readonly { readonly id: number }[]) => list.map((each) => each.id);
  switch (message.type) {
    case "joined":
      expect([session.line, session.you, session.members, session.feeds, session.voices], source)
        .toEqual(["joined", message.you, message.members, message.feeds, message.voices]);
      return;
    case "entered":
      expect(session.members, source).toContainEqual(message.member);
      return;
    case "left":
      expect(ids(session.members), source).not.toContain(message.member);
      return;
    case "feed_published":
      expect(session.feeds, source).toContainEqual(message.feed);
      return;
    case "feed_unpublished":
      expect(ids(session.feeds), source).not.toContain(message.feed);
      return;
    case "feed_muted":
      expect(session.feeds.find((feed) => feed.id === message.feed)?.muted, source).toBe(message.muted);
      return;
    case "feed_faulted":
      expect(session.feeds.find((feed) => feed.id === message.feed)?.fault, source).toBe(message.fault);
      return;
    case "voice_published":
      expect(session.voices, source).toContainEqual(message.voice);
      return;
    case "voice_unpublished":
      expect(ids(session.voices), source).not.toContain(message.voice);
      return;
    case "voice_muted":
      expect(session.voices.find((voice) => voice.id === message.voice)?.muted, source).toBe(message.muted);
      return;
    case "published":
      expect([session.published, session.voice], source).toEqual([message.feeds, message.voice]);
      return;
    case "watched":
      expect(session.slots[message.slot], source).toEqual({ feed: message.feed, vacant: message.vacant });
      return;
    case "speaking":
      expect(session.speaking, source).toEqual(message.voices);
      return;
    case "line_changed":
      expect(session.lines.some((line) => line.member === message.member && line.connection === message.connection), source)
        .toBe(message.condition !== "good");
      return;
    case "disconnected":
      if (message.connection === "publish") expect([session.published, session.voice], source).toEqual([[], null]);
      return;
    case "refused": {
      const seen = session.refusals.at(-1) ?? session.doorRefusal;
      expect(seen?.code, source).toBe(message.code); return;
    }
    case "closed":
      expect(session.closed, source).toBe(message.reason);
      return;
    case "attended":
      expectMember(session, message.member, { attends: message.sites }, source);
      return;
    case "voice_directed":
      expectMember(session, message.member, { speaks_to: message.to }, source);
      return;
    case "duty_set":
      expectMember(session, message.member, { duty: message.duty ?? undefined }, source);
      return;
    case "hand_raised":
      expectMember(session, message.member, { hand: message.raised }, source);
      return;
    case "floor_given":
      expectMember(session, message.member, { floor: message.sites }, source);
      return;
    case "floor_taken":
      expectMember(session, message.member, { floor: undefined }, source);
      return;
    case "member_silenced":
      expectMember(session, message.member, { silenced: message.silenced }, source);
      return;
    case "moved":
      expectMember(session, message.member.id, message.member, source);
      return;
    case "called":
      expect(session.calls, source).toContainEqual(message.call);
      return;
    case "call_over":
      expect(ids(session.calls), source).not.toContain(message.call);
      return;
    case "said":
      expect(session.said.at(-1), source).toEqual(message.said);
      return;
    case "asked":
      expect(session.questions, source).toContainEqual(message.question);
      return;
    case "question_changed":
      if (message.question.on_air) expect(session.questions, source).toContainEqual(message.question);
      else if (message.question.member === null) expect(ids(session.questions), source).not.toContain(message.question.id);
      return;
    case "programme_shown":
      expect(session.programme, source).toEqual(message.programme);
      return;
    case "policy_set":
      expect(session.policy, source).toEqual(message.policy);
      return;
    case "waiting":
      expect([session.line, session.room], source).toEqual(["waiting", message.room]);
      return;
    case "knocked":
      expect(session.waiting, source).toContainEqual(message.member);
      return;
    case "knock_over":
      expect(ids(session.waiting), source).not.toContain(message.member);
      return;
    case "layers_watched":
    case "received":
    case "ponged": return;
  }
}

/** A member that the client knows is as the line says; of others it is told nothing that it keeps. */
function expectMember(session: Session, id: number, fields: Record<string, unknown>, source: string): void {
  const member = session.members.find((each) => each.id === id);
  if (member === undefined) return;
  for (const [field, value] of Object.entries(fields)) expect(member[field as keyof typeof member], source).toEqual(value);
}

function summaryOf(session: Session) {
  return {
    line: session.line,
    members: session.members.map((each) => each.id),
    feeds: session.feeds.map((each) => each.id),
    voices: session.voices.map((each) => each.id),
    slots: Object.fromEntries(Object.entries(session.slots).map(([slot, shown]) => [slot, shown.feed])),
    speaking: [...session.speaking],
  };
}
