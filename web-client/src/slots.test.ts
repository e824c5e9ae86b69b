import { describe, expect, it } from "vitest";
import type { Feed, FeedKind } from "../../signaling/messages.ts";
import { allot, bySite, choiceOfSite, chosenOf, findChosen, inOrder, replacesOther, withoutReplaced } from "./slots.ts";

const feed = (id: number, site: string | null, kind: FeedKind, label = ""): Feed =>
  ({ id, member: 1, site, kind, label, codec: null, muted: false, fault: null });

describe("slots", () => {
  const feeds = [feed(4, "b", "room"), feed(1, "a", "ultrasound"), feed(2, "a", "endoscope"), feed(3, null, "face")];

  it("orders by site, panel last, then by kind", () => {
    expect(inOrder(feeds).map((each) => each.id)).toEqual([2, 1, 4, 3]);
    expect(bySite(feeds).map(([site]) => site)).toEqual(["a", "b", null]);
  });

  it("leaves every feed in its slot while others come and go", () => {
    const first = allot([], feeds, 4);
    expect(first).toEqual([2, 1, 4, 3]);
    const gone = allot(first, feeds.filter((each) => each.id !== 1), 4);
    expect(gone).toEqual([2, null, 4, 3]);
    expect(allot(gone, [...feeds.filter((each) => each.id !== 1), feed(9, "a", "ct")], 4)).toEqual([2, 9, 4, 3]);
  });

  it("has no slot for more feeds than slots", () => {
    expect(allot([], feeds, 2)).toEqual([2, 1]);
  });

  it("gives a face's slot to a site's feed that comes later, and no other", () => {
    const faces = [feed(3, null, "face"), feed(5, null, "face")];
    const before = allot([], faces, 2);
    expect(before).toEqual([3, 5]);
    expect(allot(before, [...faces, feed(9, "a", "ct")], 2)).toEqual([3, 9]);
  });

  it("finds a chosen feed again when its publisher comes back with another number", () => {
    const chosen = chosenOf(feed(2, "a", "endoscope", "left"));
    expect(findChosen([feed(7, "a", "endoscope", "right"), feed(8, "a", "endoscope", "left")], chosen)?.id).toBe(8);
    // After a restart of the server, number 2 may be another site's (hazard H2).
    expect(findChosen([feed(2, "b", "endoscope", "left")], chosen)).toBeUndefined();
  });

  it("gives up a silent feed for the one that follows it, and for no other", () => {
    const silent: Feed = { ...feed(2, "a", "endoscope"), fault: "silent" };
    const next: Feed = { ...feed(7, "a", "endoscope"), follows: 2 };
    const left = (...others: Feed[]) => withoutReplaced([silent, ...others]).map((each) => each.id);
    expect(left(next)).toEqual([7]);
    expect(replacesOther(next, [silent])).toBe(true);
    // What has come in its place may fall silent, too; that does not bring it back.
    expect(left({ ...next, fault: "silent" })).toEqual([7]);
    // Alone it stays, and says that nothing comes of it.
    expect(left()).toEqual([2]);
    // A second camera of the same name is none that takes its place (hazard H2).
    expect(left(feed(7, "a", "endoscope"))).toEqual([2, 7]);
    expect(replacesOther(feed(7, "a", "endoscope"), [silent])).toBe(false);
    // While the first still comes nothing is replaced.
    expect(withoutReplaced([feed(2, "a", "endoscope"), next])).toHaveLength(2);
  });

  it("shows a display its site's endoscope, or what there is instead", () => {
    expect(choiceOfSite(feeds, "a")).toEqual({ site: "a", kind: "endoscope" });
    expect(choiceOfSite(feeds, "b")).toEqual({ site: "b", kind: "room" });
    expect(choiceOfSite([], "c")).toEqual({ site: "c", kind: "endoscope" });
  });
});
