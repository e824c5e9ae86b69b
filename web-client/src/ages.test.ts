import { describe, expect, it } from "vitest";
import { ShownAges } from "./ages.ts";

describe("shown ages", () => {
  it("are the latest of each slot, each told once", () => {
    const ages = new ShownAges(() => 0);
    ages.note(0, { level: "live", age_ms: 80.4, exact: true });
    ages.note(0, { level: "live", age_ms: 90.6, exact: true });
    ages.note(3, { level: "frozen", age_ms: 9e12, exact: true });
    expect(ages.take()).toEqual([{ slot: 0, age_ms: 91 }, { slot: 3, age_ms: 4_294_967_295 }]);
    expect(ages.take()).toEqual([]);
  });

  it("are of pictures whose age is known", () => {
    const ages = new ShownAges(() => 0);
    ages.note(0, { level: "live", age_ms: 80, exact: true });
    ages.note(0, { level: "live", age_ms: 80, exact: false });
    ages.note(1, { level: "waiting", age_ms: null, exact: false });
    expect(ages.take()).toEqual([]);
  });
});
