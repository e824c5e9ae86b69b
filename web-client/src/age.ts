// How old is the picture on the screen (hazard H1)?
//
// `requestVideoFrameCallback` tells, for every frame put on the screen, when it was captured. For a picture that came
// over the network Chromium's `captureTime` is an estimate, in this page's own clock: the capture time that the
// sender's clock gave (abs-capture-time header extension, or else interpolated from RTCP sender reports), moved by
// the clock offset that Chromium works out from sender reports and the RTCP XR round trip, assuming that the way
// there is as long as the way back. So it includes encoder, network, server, jitter buffer and decoder; it leaves out
// what the camera and the capture card take before the sender's clock is read, and the screen after it. Firefox has no
// `captureTime`; there only the time since the frame's arrival is known, and the age is shown as "at least".

/** One frame that was put on the screen; all times on the clock of `performance.now()`. */
export interface Frame {
  readonly shown_ms: number;
  readonly captured_ms: number | null;
  readonly received_ms: number | null;
  /** Its RTP timestamp, where the browser tells it, and how many frames the element had shown with it. */
  readonly rtp_ticks: number | null;
  readonly count: number;
}

/** `waiting`: no frame yet. `late`: older than 200 ms. `old`: older than 300 ms. `frozen`: no new frame for 500 ms. */
export type AgeLevel = "waiting" | "live" | "late" | "old" | "frozen";

export interface Age {
  readonly level: AgeLevel;
  /** Age of what is on the screen; null when nothing is. */
  readonly age_ms: number | null;
  /** False when only a lower bound is known. */
  readonly exact: boolean;
}

export const LATE_MS = 200;
export const OLD_MS = 300;
export const FROZEN_MS = 500;
/** Between two frames the age is that of the last one when it appeared; after so long without one it counts on. */
const COUNTS_ON_MS = 120;
/** No live picture is older than this: a receiver does not buffer so long. Such a capture time is a broken clock's. */
const BELIEVABLE_MS = 60_000;
/** An estimate may lie a little in the future. */
const FUTURE_MS = 1_000;

/** What the server has kept since the last keyframe comes before what is live, as fast as the line bears it, with
 * timestamps 10 ticks apart. No live picture has more than 300 frames a second. */
const LIVE_TICKS = 300;
/** A replay never pauses for so long: what is shown then is the newest that there is, as of a screen on which nothing moves. */
export const REPLAY_PAUSE_MS = 300;

const WAITING: Age = { level: "waiting", age_ms: null, exact: false };

/** The age, at `now_ms`, of the frame shown last. `way_ms` is the one-way time from the server, when known. */
export function ageAt(frame: Frame | null, now_ms: number, way_ms: number): Age {
  if (frame === null) return WAITING;
  const captured_ms = believable(frame);
  const origin_ms = captured_ms ?? (frame.received_ms ?? frame.shown_ms) - way_ms;
  const quiet_ms = now_ms - frame.shown_ms;
  const age_ms = Math.max(0, (quiet_ms > COUNTS_ON_MS ? now_ms : frame.shown_ms) - origin_ms);
  return { level: levelOf(age_ms, quiet_ms), age_ms, exact: captured_ms !== null };
}

/** Whether a frame is of a replay: seconds old, whatever capture time the browser works out from its timestamp. Of the
 * first frame that is not known, so it counts as one until the next has come. */
export function isReplayed(before: Frame | null, frame: Frame): boolean {
  if (frame.rtp_ticks === null) return false;
  if (before === null || before.rtp_ticks === null) return true;
  const ticks = (frame.rtp_ticks - before.rtp_ticks) >>> 0; // timestamps begin again after 2^32
  return ticks < LIVE_TICKS * Math.max(1, frame.count - before.count);
}

/** The older of two frames shown in the same moment of reading: the worst is what is told. */
export function olderOf(a: Frame | null, b: Frame): Frame {
  if (a === null) return b;
  const age = (frame: Frame) => frame.shown_ms - (believable(frame) ?? frame.received_ms ?? frame.shown_ms);
  return age(a) > age(b) ? { ...a, shown_ms: b.shown_ms, captured_ms: shift(a.captured_ms, a, b), received_ms: shift(a.received_ms, a, b) } : b;
}

/** What is told of the frames since it was last told: the worst of them, number and level of one and the same. */
export function toldAge(last: Frame | null, worst: Frame | null, now_ms: number, way_ms: number): Age {
  const current = ageAt(last, now_ms, way_ms);
  return current.level === "frozen" ? current : ageAt(worst ?? last, now_ms, way_ms);
}

const LEVELS: readonly AgeLevel[] = ["waiting", "live", "late", "old", "frozen"];

/** Whether a change of level cannot wait: an alarm, or its end where the picture was greyed out. */
export function isUrgent(from: AgeLevel, to: AgeLevel): boolean {
  return LEVELS.indexOf(to) > LEVELS.indexOf(from) || (from === "frozen" && to !== "frozen");
}

function shift(time_ms: number | null, a: Frame, b: Frame): number | null {
  return time_ms === null ? null : time_ms + b.shown_ms - a.shown_ms;
}

function levelOf(age_ms: number, quiet_ms: number): AgeLevel {
  if (quiet_ms > FROZEN_MS) return "frozen";
  if (age_ms > OLD_MS) return "old";
  return age_ms > LATE_MS ? "late" : "live";
}

function believable(frame: Frame): number | null {
  if (frame.captured_ms === null) return null;
  const age_ms = frame.shown_ms - frame.captured_ms;
  return age_ms < BELIEVABLE_MS && age_ms > -FUTURE_MS ? frame.captured_ms : null;
}

/** What the browser tells beside a frame; not all of it is in every browser, nor in TypeScript's own types. */
interface FrameMetadata {
  readonly expectedDisplayTime?: number;
  readonly captureTime?: number;
  readonly receiveTime?: number;
  readonly rtpTimestamp?: number;
  readonly presentedFrames?: number;
}

/** Calls `onFrame` for each frame that the element shows, until the returned function is called. */
export function watchFrames(video: HTMLVideoElement, onFrame: (frame: Frame) => void): () => void {
  return "requestVideoFrameCallback" in video ? watchByCallback(video, onFrame) : watchByCount(video, onFrame);
}

function watchByCallback(video: HTMLVideoElement, onFrame: (frame: Frame) => void): () => void {
  let handle = 0;
  const next = (now_ms: number, metadata: FrameMetadata) => {
    onFrame({
      shown_ms: metadata.expectedDisplayTime ?? now_ms,
      captured_ms: metadata.captureTime ?? null,
      received_ms: metadata.receiveTime ?? null,
      rtp_ticks: metadata.rtpTimestamp ?? null,
      count: metadata.presentedFrames ?? 0,
    });
    handle = video.requestVideoFrameCallback(next);
  };
  handle = video.requestVideoFrameCallback(next);
  return () => video.cancelVideoFrameCallback(handle);
}

/** For browsers without the callback: a frame more in the count is a new frame, seen within one animation frame. */
function watchByCount(video: HTMLVideoElement, onFrame: (frame: Frame) => void): () => void {
  let frames = 0;
  let handle = 0;
  const look = (now_ms: number) => {
    const total = video.getVideoPlaybackQuality().totalVideoFrames;
    if (total > frames) onFrame({ shown_ms: now_ms, captured_ms: null, received_ms: null, rtp_ticks: null, count: total });
    frames = total;
    handle = requestAnimationFrame(look);
  };
  handle = requestAnimationFrame(look);
  return () => cancelAnimationFrame(handle);
}
