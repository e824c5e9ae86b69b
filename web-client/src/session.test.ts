import { describe, expect, it } from "vitest";
import type { Feed, Member, ServerMessage, Voice } from "../../signaling/messages.ts";
import { act, EMPTY, feedIn, hear, lineOf, type Session, speakerOf } from "./session.ts";

const member = (id: number, role: Member["role"] = "expert", site: string | null = null): Member =>
  ({ id, name: `Dr. Example ${id}`, role, site });
const feed = (id: number, owner: number, fields: Partial<Feed> = {}): Feed =>
  ({ id, member: owner, site: "a", kind: "endoscope", label: "", codec: null, muted: false, fault: null, ...fields });
const voice = (id: number, owner: number): Voice => ({ id, member: owner, site: null, muted: false });

function joined(fields: Partial<Extract<ServerMessage, { type: "joined" }>> = {}): ServerMessage {
  return {
    type: "joined", re: 1, version: 1, room: "r", kind: "guidance", you: member(1), members: [member(1), member(2, "surgeon", "a")],
    feeds: [feed(1, 2), feed(2, 2, { kind: "ultrasound" })], voices: [voice(1, 2)], ...fields,
  };
}

function after(...messages: ServerMessage[]): Session {
  return messages.reduce(hear, act(EMPTY, { type: "connecting" }));
}

describe("session", () => {
  it("knows everything after joined", () => {
    const session = after(joined());
    expect(session.line).toBe("joined");
    expect(session.members).toHaveLength(2);
    expect(session.feeds.map((each) => each.id)).toEqual([1, 2]);
  });

  it("takes a member and all that was its own out together", () => {
    const session = after(
      joined(), { type: "watched", re: 2, slot: 0, feed: 1, vacant: null }, { type: "speaking", voices: [1] },
      { type: "left", member: 2 });
    expect(session.members.map((each) => each.id)).toEqual([1]);
    expect(session.feeds).toEqual([]);
    expect(session.voices).toEqual([]);
    expect(session.speaking).toEqual([]);
    expect(session.slots[0]).toEqual({ feed: null, vacant: "no_feed" });
  });

  it("empties the slots of a feed that is over, and no other", () => {
    const session = after(
      joined(), { type: "watched", re: 2, slot: 0, feed: 1, vacant: null }, { type: "watched", re: 3, slot: 1, feed: 2, vacant: null },
      { type: "feed_unpublished", feed: 1 });
    expect(feedIn(session, 0)).toBeUndefined();
    expect(feedIn(session, 1)?.id).toBe(2);
  });

  it("replaces a feed that is published again, in its place", () => {
    const session = after(joined(), { type: "feed_published", feed: feed(1, 2, { codec: "H264" }) });
    expect(session.feeds.map((each) => each.id)).toEqual([1, 2]);
    expect(session.feeds[0]?.codec).toBe("H264");
  });

  it("knows which lines are not good, and the worst of several", () => {
    const surgeon = member(2, "surgeon", "a");
    const session = after(
      joined(), { type: "line_changed", member: 1, connection: "receive", condition: "reduced" },
      { type: "line_changed", member: 2, connection: "publish", condition: "reduced" },
      { type: "line_changed", member: 2, connection: "publish", condition: "poor" });
    expect(lineOf(session, "receive", [member(1)])).toBe("reduced");
    expect(lineOf(session, "publish", [member(1), surgeon])).toBe("poor");
    expect(lineOf(session, "publish", [member(1)])).toBe("good");
    const mended = hear(session, { type: "line_changed", member: 2, connection: "publish", condition: "good" });
    expect(lineOf(mended, "publish", [surgeon])).toBe("good");
    expect(hear(session, { type: "left", member: 2 }).lines.map((line) => line.member)).toEqual([1]);
    expect(act(session, { type: "connection_lost" }).lines).toEqual([]);
  });

  it("marks what is held back or faulty", () => {
    const session = after(
      joined(), { type: "feed_muted", re: null, feed: 1, muted: true }, { type: "feed_faulted", feed: 2, fault: "silent" },
      { type: "voice_muted", re: null, voice: 1, muted: true });
    expect(session.feeds.map((each) => [each.muted, each.fault])).toEqual([[true, null], [false, "silent"]]);
    expect(session.voices[0]?.muted).toBe(true);
  });

  it("follows its own voice", () => {
    let session = after(joined(), { type: "published", re: 4, sdp: "", feeds: [{ mid: "0", feed: 9, site: null }], voice: 7 });
    expect([session.voice, session.voiceMuted]).toEqual([7, false]);
    session = hear(session, { type: "voice_muted", re: 5, voice: 7, muted: true });
    expect(session.voiceMuted).toBe(true);
    session = hear(session, { type: "published", re: 6, sdp: "", feeds: [], voice: 7 });
    expect(session.voiceMuted).toBe(true);
    session = hear(session, { type: "disconnected", connection: "publish" });
    expect([session.voice, session.voiceMuted, session.published]).toEqual([null, false, []]);
  });

  it("takes a second word of the same lost connection for no news", () => {
    const gone: ServerMessage = { type: "disconnected", connection: "publish" };
    const once = hear(after(joined(), { type: "published", re: 4, sdp: "", feeds: [{ mid: "0", feed: 9, site: null }], voice: 7 }), gone);
    expect(once.published).toEqual([]);
    expect(hear(once, gone)).toBe(once);
  });

  it("knows who speaks, loudest first", () => {
    const session = after(joined(), { type: "speaking", voices: [1, 99] });
    expect(speakerOf(session, 1)?.id).toBe(2);
    expect(speakerOf(session, 99)).toBeUndefined();
  });

  it("stays shut out for good when the token is bad, and not when the server is full", () => {
    const refused = (code: "bad_token" | "at_capacity") => after(
      { type: "refused", re: 1, code, message: "" }, { type: "closed", reason: "refused" });
    expect(refused("bad_token").line).toBe("ended");
    expect(refused("bad_token").doorRefusal?.code).toBe("bad_token");
    expect(refused("at_capacity").line).toBe("connecting");
  });

  it("keeps everybody on screen while it reconnects, and forgets the old room when it is back", () => {
    let session = after(joined(), { type: "watched", re: 2, slot: 0, feed: 1, vacant: null });
    session = act(session, { type: "connection_lost" });
    expect([session.line, session.members.length]).toEqual(["reconnecting", 2]);
    session = hear(act(session, { type: "connecting" }), joined({ members: [member(5)], you: member(5), feeds: [], voices: [] }));
    expect([session.line, session.members.length, session.slots]).toEqual(["joined", 1, {}]);
  });

  it("ends when it left, and waits when the server goes down", () => {
    expect(after(joined(), { type: "closed", reason: "left" }).line).toBe("ended");
    expect(after(joined(), { type: "closed", reason: "shutting_down" }).line).toBe("joined");
  });

  it("shows an equal refusal once, and lets it be put away", () => {
    let session = after(joined());
    for (let time = 0; time < 3; time += 1) session = hear(session, { type: "refused", re: 9, code: "too_many_feeds", message: "" });
    expect(session.refusals).toHaveLength(1);
    session = act(session, { type: "refusal_seen", serial: session.refusals[0]?.serial ?? -1 });
    expect(session.refusals).toEqual([]);
  });
});
