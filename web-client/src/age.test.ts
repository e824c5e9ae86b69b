import { describe, expect, it } from "vitest";
import { ageAt, type Frame, isReplayed, isUrgent, olderOf, toldAge } from "./age.ts";

const frame = (shown_ms: number, captured_ms: number | null, received_ms: number | null = null): Frame =>
  ({ shown_ms, captured_ms, received_ms, rtp_ticks: null, count: 0 });

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

  it("gives the number that it tells the colour of that number", () => {
    const [bad, good] = [frame(1_000, 600), frame(1_033, 1_013)];
    expect(toldAge(good, olderOf(bad, good), 1_040, 0)).toEqual({ level: "old", age_ms: 400, exact: true });
    expect(toldAge(good, null, 1_040, 0)).toEqual({ level: "live", age_ms: 20, exact: true });
    expect(toldAge(good, bad, 1_600, 0)).toMatchObject({ level: "frozen", age_ms: 587 });
  });

  it("tells an alarm at once, and its end only with the next number", () => {
    expect([isUrgent("live", "late"), isUrgent("late", "old"), isUrgent("old", "frozen"), isUrgent("waiting", "live")]).toEqual([true, true, true, true]);
    expect([isUrgent("old", "live"), isUrgent("late", "live"), isUrgent("live", "live"), isUrgent("frozen", "frozen")]).toEqual([false, false, false, false]);
    // A picture that moves again is not left grey.
    expect(isUrgent("frozen", "live")).toBe(true);
  });

  it("knows what is replayed by timestamps that are nearer than any live picture's", () => {
    const at = (rtp_ticks: number | null, count: number): Frame => ({ ...frame(1_000, 990), rtp_ticks, count });
    expect(isReplayed(null, at(9_000, 1))).toBe(true);
    expect(isReplayed(at(9_000, 1), at(9_010, 2))).toBe(true);
    // Forty frames were decoded between two that the browser told of.
    expect(isReplayed(at(9_010, 2), at(9_410, 42))).toBe(true);
    expect(isReplayed(at(9_410, 42), at(12_410, 43))).toBe(false);
    expect(isReplayed(at(0xffff_ff00, 43), at(2_744, 44))).toBe(false);
    expect(isReplayed(at(0xffff_ffff, 44), at(9, 45))).toBe(true);
    // A browser that tells no timestamps, and the own camera.
    expect(isReplayed(null, at(null, 1))).toBe(false);
  });
});
