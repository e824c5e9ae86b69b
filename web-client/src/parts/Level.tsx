// How loud the microphone is, drawn straight into the DOM.

import { useEffect, useRef } from "react";
import { useSpeech } from "../language.tsx";
import "./Level.css";

const LOOK_EVERY_MS = 50;
/** What is drawn as empty and full, in decibels of full scale. */
const QUIET_DB = -60;
const LOUD_DB = -6;

export function Level({ track }: { readonly track: MediaStreamTrack | null }) {
  const { t } = useSpeech();
  const meter = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (track === null) return undefined;
    const context = new AudioContext();
    context.resume().catch(() => undefined);
    // A copy, so that the level shows while the voice itself is held back.
    const copy = track.clone();
    copy.enabled = true;
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    context.createMediaStreamSource(new MediaStream([copy])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(power + 1e-12);
      const level = Math.min(1, Math.max(0, (decibels - QUIET_DB) / (LOUD_DB - QUIET_DB)));
      if (bar.current !== null) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
      meter.current?.setAttribute("aria-valuenow", String(Math.round(level * 100)));
    }, LOOK_EVERY_MS);
    return () => {
      clearInterval(timer);
      copy.stop();
      context.close().catch(() => undefined);
    };
  }, [track]);

  return (
    <div ref={meter} className="level" role="meter" aria-label={t("talk.level")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} data-testid="level">
      <div ref={bar} className="level-bar" />
    </div>
  );
}
