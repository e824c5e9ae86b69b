// Ties the age of the picture in one <video> to what React draws. Numbers are written straight into the DOM twice a
// second; React hears of a change of level only.

import { type RefObject, useEffect, useState } from "react";
import { type Age, ageAt, type AgeLevel, type Frame, isReplayed, isUrgent, olderOf, REPLAY_PAUSE_MS, toldAge, watchFrames } from "../age.ts";

const LOOK_EVERY_MS = 100;
/** A number that changes faster cannot be read. */
const TELL_EVERY_MS = 500;

export interface AgeState {
  readonly level: AgeLevel;
  /** When the last frame was shown; for a frozen picture. */
  readonly since: Date | null;
}

const WAITING: AgeState = { level: "waiting", since: null };

/**
 * `shown` names what the element is to show; with another name, frames that came before do not count any more: the
 * old feed's last frame must not stand under the new feed's label (hazard H2). Nor do frames that the server replays
 * from its cache: a picture of seconds ago must not look live (hazard H1).
 */
export function useAge(
  video: RefObject<HTMLVideoElement | null>, stream: MediaStream | undefined, shown: string | null,
  way_ms: () => number, tell: (age: Age, quiet_ms: number) => void,
): AgeState {
  const [state, setState] = useState<AgeState & { readonly shown: string | null }>({ ...WAITING, shown: null });

  useEffect(() => {
    const element = video.current;
    if (element === null || stream === undefined || shown === null) return undefined;
    const begin_ms = performance.now();
    let newest: Frame | null = null;
    let last: Frame | null = null;
    let worst: Frame | null = null;
    let level: AgeLevel = "waiting";
    let told_ms = -Infinity;

    const look = () => {
      const now_ms = performance.now();
      if (last === null && newest !== null && now_ms - newest.shown_ms > REPLAY_PAUSE_MS) last = newest;
      // A hidden page shows no frames, and nobody is misled by it.
      if (document.hidden) return;
      const current = ageAt(last, now_ms, way_ms());
      if (now_ms - told_ms < TELL_EVERY_MS && !isUrgent(level, current.level)) return;
      // The colour goes with the number: what was old for a moment stays red as long as the number says so.
      const told = toldAge(last, worst, now_ms, way_ms());
      if (told.level !== level) {
        level = told.level;
        setState({ level, since: last === null ? null : new Date(performance.timeOrigin + last.shown_ms), shown });
      }
      told_ms = now_ms;
      tell(told, last === null ? 0 : now_ms - last.shown_ms);
      worst = null;
    };
    const stop = watchFrames(element, (frame) => {
      if ((frame.received_ms ?? frame.shown_ms) < begin_ms) return;
      const replayed = isReplayed(newest, frame);
      newest = frame;
      const changed = replayed !== (last === null);
      last = replayed ? null : frame;
      worst = replayed ? null : olderOf(worst, frame);
      if (changed) {
        told_ms = -Infinity;
        look();
      }
    });
    const timer = setInterval(look, LOOK_EVERY_MS);
    const wake = () => {
      newest = last = worst = null;
      told_ms = -Infinity;
      look();
    };
    document.addEventListener("visibilitychange", wake);
    return () => {
      stop();
      clearInterval(timer);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [video, stream, shown, way_ms, tell]);

  return state.shown === shown ? state : WAITING;
}
