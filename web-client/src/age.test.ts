import { describe, expect, it } from "vitest";
import { ageAt, type Frame, olderOf } from "./age.ts";

const frame = (shown_ms: number, captured_ms: number | null, received_ms: number | null = null): Frame =>
  ({ shown_ms, captured_ms, received_ms });

describe("age", () => {
  it("waits while there is no frame", () => {
    expect(ageAt(null, 1_000, 0)).toEqual({ level: "waiting", age_ms: null, exact: false });
  });

  it("is the time from capture to screen while frames come", () => {
    expect(ageAt(frame(1_000, 980), 1_030, 0)).toEqual({ level: "live", age_ms: 20, exact: true });
  });

  it("counts on when no frame comes", () => {
    expect(ageAt(frame(1_000, 980), 1_250, 0)).toEqual({ level: "late", age_ms: 270, exact: true });
    expect(ageAt(frame(1_000, 980), 1_290, 0)).toMatchObject({ level: "old" });
  });

  it("is amber above 200 ms, red above 300 ms, frozen after 500 ms without a frame", () => {
    expect(ageAt(frame(1_000, 800), 1_000, 0).level).toBe("live");
    expect(ageAt(frame(1_000, 799), 1_000, 0).level).toBe("late");
    expect(ageAt(frame(1_000, 700), 1_000, 0).level).toBe("late");
    expect(ageAt(frame(1_000, 699), 1_000, 0).level).toBe("old");
    expect(ageAt(frame(1_000, 999), 1_500, 0).level).toBe("old");
    expect(ageAt(frame(1_000, 999), 1_501, 0).level).toBe("frozen");
  });

  it("says at least as much as it knows without a capture time", () => {
    expect(ageAt(frame(1_000, null, 990), 1_010, 15)).toEqual({ level: "live", age_ms: 25, exact: false });
  });

  it("does not believe a broken clock", () => {
    expect(ageAt(frame(1_000, -3e9, 990), 1_010, 0)).toEqual({ level: "live", age_ms: 10, exact: false });
    expect(ageAt(frame(1_000, 9e9, 990), 1_010, 0)).toMatchObject({ exact: false });
    // A little in the future is the estimate's error.
    expect(ageAt(frame(1_000, 1_004), 1_010, 0)).toEqual({ level: "live", age_ms: 0, exact: true });
  });

  it("tells the worst of the frames since it was last read", () => {
    const worst = [frame(1_000, 980), frame(1_033, 933), frame(1_066, 1_046)].reduce<Frame | null>(olderOf, null);
    expect(ageAt(worst, 1_070, 0).age_ms).toBe(100);
  });
});
