// Who is heard where: each speaker has a tone of its own, and a listener must hear exactly those that it may.

import { until } from "./until.mjs";

/** How often in a row a page must be found to hear them, and nothing else. */
const ALIKE = 8;

/** The names of those whose tones a page plays now. @param {Record<string, number>} tones_hz each speaker's tone */
export async function speakersHeard(page, tones_hz) {
  const tracks = await page.evaluate(() => probe.tones());
  const peaks_hz = tracks.flatMap((track) => track.peaks).map((peak) => peak.hz);
  return Object.keys(tones_hz).filter((name) => peaks_hz.some((hz) => Math.abs(hz - tones_hz[name]) < 8)).sort();
}

/** Waits until a page hears exactly these, and goes on doing so. */
export async function hearsExactly(who, page, tones_hz, names) {
  const wanted = [...names].sort().join(" ");
  let alike = 0;
  const look = async () => {
    alike = (await speakersHeard(page, tones_hz)).join(" ") === wanted ? alike + 1 : 0;
    return alike >= ALIKE;
  };
  await until(`${who} hears ${wanted || "nobody"}`, look, { seen: () => speakersHeard(page, tones_hz) });
}
