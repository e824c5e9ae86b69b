// A quiet tone while somebody is rung: two short notes, and a pause.

import { useEffect } from "react";

const EVERY_MS = 2_500;
const NOTES_HZ = [660, 880] as const;
const NOTE_S = 0.18;
const LOUDNESS = 0.06;

export function useRingTone(rings: boolean): void {
  useEffect(() => {
    if (!rings) return undefined;
    const context = new AudioContext();
    // Held back until the person has tapped once; the ringing is seen in any case.
    context.resume().catch(() => undefined);
    const play = () => NOTES_HZ.forEach((hz, place) => note(context, hz, context.currentTime + place * NOTE_S * 1.3));
    play();
    const timer = setInterval(play, EVERY_MS);
    return () => {
      clearInterval(timer);
      context.close().catch(() => undefined);
    };
  }, [rings]);
}

/** Swells and fades, so that it does not click. */
function note(context: AudioContext, hz: number, begin_s: number): void {
  const oscillator = new OscillatorNode(context, { frequency: hz });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, begin_s);
  gain.gain.linearRampToValueAtTime(LOUDNESS, begin_s + NOTE_S / 4);
  gain.gain.linearRampToValueAtTime(0, begin_s + NOTE_S);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(begin_s);
  oscillator.stop(begin_s + NOTE_S);
}
