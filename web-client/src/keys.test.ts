import { describe, expect, it } from "vitest";
import type { Feed } from "../../signaling/messages.ts";
import { directionByKey, feedByKey, siteByKey } from "./keys.ts";

const feeds = Array.from({ length: 12 }, (_, index): Feed => ({
  id: index + 1, member: 1, site: "a", kind: "ct", label: "", codec: null, muted: false, fault: null,
}));

describe("keys", () => {
  const chosen = (key: string, large: number | null) => feedByKey(key, feeds, large)?.id;

  it("1 to 9 choose by number", () => {
    expect([chosen("1", 5), chosen("9", 5), chosen("0", 5), chosen("10", 5), chosen("f", 5)]).toEqual([1, 9, undefined, undefined, undefined]);
    expect(feedByKey("9", feeds.slice(0, 3), 1)).toBeUndefined();
  });

  it("Q, W and E attend the sites in their order, Z, X and C say whom the voice is for", () => {
    expect(["q", "W", "e", "r", "1"].map((key) => siteByKey(key, ["a", "b"]))).toEqual(["a", "b", undefined, undefined, undefined]);
    expect(["z", "X", "c", "v"].map(directionByKey)).toEqual(["attended", "all", "panel", undefined]);
  });

  it("the arrows reach every feed, and go round", () => {
    expect([chosen("ArrowRight", 9), chosen("ArrowRight", 12), chosen("ArrowLeft", 1), chosen("ArrowLeft", 12)]).toEqual([10, 1, 12, 11]);
    expect([chosen("ArrowRight", null), chosen("ArrowLeft", null)]).toEqual([1, 12]);
    expect(feedByKey("ArrowRight", [], null)).toBeUndefined();
  });
});
