import { describe, expect, it } from "vitest";
import type { Feed } from "../../signaling/messages.ts";
import { programmeChoice, programmeFeed, programmeName } from "./programme.ts";
import { say } from "./words.ts";

const feed = (id: number, fields: Partial<Feed> = {}): Feed =>
  ({ id, member: 2, site: "site-a", kind: "endoscope", label: "", codec: null, muted: false, fault: null, ...fields });
const shown = (choice: ReturnType<typeof programmeChoice>) => ({ shown: { feed: choice, with_speaker: false } });
const speech = { language: "en", t: (word: Parameters<typeof say>[1], places = {}) => say("en", word, places), choose: () => undefined } as const;

describe("programme", () => {
  it("is chosen by site and kind where that means one feed, and by the feed itself where it does not", () => {
    const [a, b] = [feed(1), feed(2, { kind: "ct" })];
    expect(programmeChoice(a, [a, b])).toEqual({ site: "site-a", kind: "endoscope" });
    expect(programmeChoice(a, [a, feed(3)])).toEqual({ feed: 1 });
    const face = feed(4, { site: null, kind: "face" });
    expect(programmeChoice(face, [a, face])).toEqual({ feed: 4 });
  });

  it("means a feed that is here, one that is not silent first, and says so when there is none", () => {
    const feeds = [feed(1, { fault: "silent" }), feed(2)];
    expect(programmeFeed(shown({ site: "site-a", kind: "endoscope" }), feeds)?.id).toBe(2);
    expect(programmeFeed(shown({ feed: 1 }), feeds)?.id).toBe(1);
    expect(programmeFeed(shown({ feed: 9 }), feeds)).toBeUndefined();
    expect(programmeFeed("dark", feeds)).toBeUndefined();
    expect(programmeName(speech, shown({ feed: 9 }), feeds)).toBe(say("en", "programme.no_feed"));
    expect(programmeName(speech, shown({ site: "site-b", kind: "ct" }), feeds)).toBe("site-b · CT");
    expect(programmeName(speech, "open", feeds)).toBe(say("en", "programme.open"));
  });
});
