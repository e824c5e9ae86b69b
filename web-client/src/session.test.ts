import { describe, expect, it } from "vitest";
import type { Feed, Member, ServerMessage, Voice } from "../../signaling/messages.ts";
import { act, EMPTY, feedIn, hear, lineOf, type Session, speakerOf } from "./session.ts";
import { airedAt, maySpeak, ringing } from "./talk.ts";

const member = (id: number, role: Member["role"] = "expert", site: string | null = null): Member =>
  ({ id, name: `Dr. Example ${id}`, role, site });
const feed = (id: number, owner: number, fields: Partial<Feed> = {}): Feed =>
  ({ id, member: owner, site: "a", kind: "endoscope", label: "", codec: null, muted: false, fault: null, ...fields });
const voice = (id: number, owner: number): Voice => ({ id, member: owner, site: null, muted: false });

function joined(fields: Partial<Extract<ServerMessage, { type: "joined" }>> = {}): ServerMessage {
  return {
    type: "joined", re: 1, version: 1, room: "r", kind: "guidance", you: member(1), members: [member(1), member(2, "surgeon", "a")],
    feeds: [feed(1, 2), feed(2, 2, { kind: "ultrasound" })], voices: [voice(1, 2)],
    policy: { speak: [], wait: [], history: [], locked: false, sites_joined: false }, programme: "open", said: [], questions: [],
    calls: [], waiting: [], ...fields,
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

describe("the talk of a room", () => {
  const you = member(1, "trainee");
  const trainee = (...messages: ServerMessage[]) => after(joined({ you, members: [you, member(2)] }), ...messages);

  it("knows who attends which site, with which voice and duty, itself included", () => {
    const session = after(
      joined(), { type: "attended", re: 3, member: 1, sites: ["a"] }, { type: "voice_directed", re: 4, member: 1, to: "all" },
      { type: "duty_set", re: 5, member: 1, duty: "imaging" });
    expect(session.you).toEqual({ ...member(1), attends: ["a"], speaks_to: "all", duty: "imaging" });
    expect(session.members[0]).toEqual(session.you);
    expect(hear(session, { type: "duty_set", re: 6, member: 1, duty: null }).you).not.toHaveProperty("duty");
    expect(airedAt(member(1), ["a", "b"])).toEqual([]);
    expect(airedAt({ ...member(1), attends: ["b", "c"] }, ["a", "b"])).toEqual(["b"]);
    expect(airedAt({ ...member(1), speaks_to: "all" }, ["a", "b"])).toEqual(["a", "b"]);
    expect(airedAt({ ...member(1), speaks_to: "panel", attends: ["a"] }, ["a"])).toEqual([]);
  });

  it("keeps a call while it rings, and how it ended", () => {
    const call = { id: 4, by: 2, site: "a", to: [1], duty: null };
    let session = after(joined(), { type: "called", re: null, call });
    expect(ringing(session)).toEqual([call]);
    session = hear(session, { type: "called", re: null, call: { ...call, to: [3] } });
    expect([ringing(session), session.calls.length]).toEqual([[], 1]);
    session = hear(session, { type: "call_over", re: null, call: 4, outcome: "answered", by: 3 });
    expect([session.calls, session.lastCall?.outcome, session.lastCall?.by]).toEqual([[], "answered", 3]);
  });

  it("knows the floor: a hand goes down with it, a voice with its end", () => {
    let session = trainee({ type: "hand_raised", re: 2, member: 1, raised: true }, { type: "floor_given", re: null, member: 1, sites: [] });
    expect([session.you?.hand, session.you?.floor, maySpeak(session)]).toEqual([false, [], true]);
    session = hear(session, { type: "published", re: 3, sdp: "", feeds: [], voice: 7 });
    session = hear(session, { type: "floor_taken", re: null, member: 1 });
    expect([session.you?.floor, session.voice, maySpeak(session)]).toEqual([undefined, null, false]);
  });

  it("forgets another's question when it is on air no more, and keeps one's own", () => {
    const question = (id: number, asker: number | null, on_air: boolean) =>
      ({ id, at_ms: 0, member: asker, name: null, text: "Why?", answer: null, on_air });
    const session = trainee(
      { type: "asked", re: 2, question: question(5, 1, false) }, { type: "question_changed", re: null, question: question(6, null, true) },
      { type: "question_changed", re: null, question: question(6, null, false) },
      { type: "question_changed", re: null, question: question(5, 1, false) });
    expect(session.questions.map((each) => each.id)).toEqual([5]);
    const panel = after(joined(), { type: "question_changed", re: 3, question: question(6, 2, false) });
    expect(panel.questions).toHaveLength(1);
  });

  it("waits at the door, and is let in, turned away, sent out or shut out", () => {
    const waits: ServerMessage = { type: "waiting", re: 1, room: "r" };
    expect([after(waits).line, after(waits).you]).toEqual(["waiting", null]);
    expect(after(waits, joined()).line).toBe("joined");
    for (const reason of ["turned_away", "removed", "ended", "replaced"] as const) {
      const session = after(waits, { type: "closed", reason });
      expect([session.line, session.closed]).toEqual(["ended", reason]);
    }
    expect(after({ type: "refused", re: 1, code: "room_locked", message: "" }).line).toBe("ended");
  });

  it("knows who is at the door", () => {
    const session = after(joined(), { type: "knocked", member: member(8, "trainee") }, { type: "knocked", member: member(9, "trainee") });
    expect(hear(session, { type: "knock_over", re: 2, member: 8, admitted: true }).waiting.map((each) => each.id)).toEqual([9]);
  });

  it("becomes another when it is moved", () => {
    const moved = { ...member(2, "expert"), name: "Dr. Example 2" };
    let session = after(joined({ members: [member(1), { ...member(2, "trainee"), hand: true }] }), { type: "moved", re: 3, member: moved });
    expect(session.members[1]).toEqual(moved);
    session = hear(session, joined({ you: member(1, "surgeon", "a"), members: [member(1, "surgeon", "a")] }));
    expect([session.you?.role, session.members.length]).toEqual(["surgeon", 1]);
  });

  it("keeps what was said in its order, the programme and the policy", () => {
    const said = (number: number) => ({ number, at_ms: 0, member: 2, name: "Dr. Example 2", to: "panel" as const, text: "Yes." });
    const session = after(
      joined({ said: [said(1)] }), { type: "said", re: null, said: said(4) }, { type: "programme_shown", re: 2, programme: "dark" },
      { type: "policy_set", re: 3, policy: { speak: [], wait: ["trainee"], history: [], locked: true, sites_joined: false } });
    expect([session.said.map((each) => each.number), session.programme, session.policy.locked]).toEqual([[1, 4], "dark", true]);
  });
});
