// What one picture and one voice are like over bad lines: a publisher near the server, a viewer behind the line.

import { open } from "./browser.mjs";
import { quantile, since } from "./figures.mjs";
import { farNamespace } from "./namespace.mjs";
import { until } from "./until.mjs";

/** Each way; widths are towards the viewer. */
export const LINES = {
  clean: {},
  "2 % lost, 80 ms there and back, 20 Mb/s": { delay_ms: 40, loss: 0.02, down_mbps: 20 },
  "5 % lost, 50 ms": { delay_ms: 25, loss: 0.05 },
  "10 % lost, 50 ms": { delay_ms: 25, loss: 0.1 },
  "100 ms lost every 5 s, 50 ms": { delay_ms: 25, outage_ms: 100, outage_every_s: 5 },
  "20 ms of jitter, 50 ms": { delay_ms: 25, jitter_ms: 20 },
  "1 Mb/s, 40 ms": { delay_ms: 20, down_mbps: 1 },
};

const camera = { site: 4, kind: 0, width: 1280, height: 720, clock: true, noisy: true };
const TONE_HZ = 440;
/** A freeze is a picture that stands for longer than this. */
const FREEZE_MS = 200;
/** What is to be said where there was no picture at all. */
const NO_PICTURE = {
  frames_a_second: 0, longest_ms: null, stood_share: 1, age_p50_ms: null, age_p95_ms: null, height: null, lost_share: null, made_up_share: null,
};
/** What browsers and servers find out about a line in the first seconds is not judged. */
const SETTLES_MS = 10_000;

/** A server that speaks WHIP and WHEP, by its two doors and their tokens. */
export class Whip {
  constructor(name, { publish, play, publishToken, playToken }) {
    Object.assign(this, { name, doors: { publish, play }, tokens: { publish: publishToken, play: playToken } });
  }

  /** The answer to an offer that sends. */
  async publish(offer) {
    return await this.#post("publish", offer);
  }

  /** Lets a page play: `offer` gives its offer, `accept` takes the answer. */
  async play({ offer, accept }) {
    await accept(await this.#post("play", await offer()));
  }

  async #post(what, body) {
    const token = this.tokens[what];
    const headers = { "Content-Type": "application/sdp", ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(this.doors[what], { method: "POST", headers, body });
    if (response.status !== 201) throw new Error(`${this.name}: ${response.status}: ${await response.text()}`);
    return await response.text();
  }
}

/**
 * A publisher's page that sends 720p30 in H.264, in one layer or in these, and a tone by `subject`. `origin` is any page that is
 * there.
 */
export async function publishBy(subject, origin, layers = [{ maxBitrate: 2_500_000 }]) {
  const page = await open({ trusted: origin });
  await page.goto(`${origin}/healthz`);
  const { sdp: offer } = await page.evaluate(
    (camera, tone_hz, layers) => probe.offerCamera((window.peer = new RTCPeerConnection()), camera, tone_hz, layers),
    camera,
    TONE_HZ,
    layers,
  );
  const answer = await subject.publish(offer);
  await page.evaluate((sdp) => peer.setRemoteDescription({ type: "answer", sdp }), answer);
  await until("a steady rate", () =>
    page.evaluate(async () => [...(await peer.getStats()).values()].some((row) => row.type === "outbound-rtp" && row.kind === "video" && row.framesPerSecond >= 20)),
  );
  return page;
}

/** Plays over a line for so long; gives one row of figures. */
export async function playOver(subject, origin, name, line, seconds) {
  const place = await farNamespace(name, line);
  const page = await open({ namespace: place.name, trusted: origin });
  try {
    await page.goto(`${origin}/healthz`);
    await page.evaluate(prepare);
    await subject.play({
      offer: () => page.evaluate(() => begin()),
      accept: (sdp) => page.evaluate((sdp) => peer.setRemoteDescription({ type: "answer", sdp }), sdp),
      answer: (sdp) => page.evaluate((sdp) => begin({ type: "offer", sdp }), sdp),
    });
    const hasPicture = until("a picture", () => page.evaluate(() => document.querySelector("video")?.videoHeight > 0));
    if (!(await hasPicture.then(() => true, () => false))) return NO_PICTURE;
    await new Promise((resolve) => setTimeout(resolve, SETTLES_MS));
    const figures = await page.evaluate(async (seconds) => {
      const video = document.querySelector("video");
      const sum = async () => Object.fromEntries((await Promise.all(["video", "audio"].map((kind) => probe.inbound(kind)))).map(([row]) => [row.kind, row]));
      const before = await sum();
      probe.follow(video);
      const began_ms = performance.timeOrigin + performance.now();
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      probe.unfollow();
      const ended_ms = performance.timeOrigin + performance.now();
      return { before, after: await sum(), rows: probe.followed(), began_ms, ended_ms };
    }, seconds);
    return rowOf(figures);
  } finally {
    await page.end();
    await place.link.stop();
  }
}

/** Gives a page `begin`, which makes its connection and gives its end: an answer to an offer, or an offer of its own. */
function prepare() {
  window.begin = async (offer) => {
    const peer = (window.peer = new RTCPeerConnection());
    peer.ontrack = ({ track }) => {
      document.body.append(Object.assign(document.createElement(track.kind), { autoplay: true, srcObject: new MediaStream([track]) }));
    };
    if (offer) {
      await peer.setRemoteDescription(offer);
    } else {
      for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
    }
    for (const transceiver of peer.getTransceivers()) probe.offerExtensions(transceiver);
    return (await probe.gathered(peer)).sdp;
  };
}

function rowOf({ before, after, rows, began_ms, ended_ms }) {
  const times = [began_ms, ...rows.map((row) => row.at_ms), ended_ms];
  const gaps = times.slice(1).map((at_ms, index) => at_ms - times[index]);
  const stood = gaps.filter((gap) => gap > FREEZE_MS).reduce((sum, gap) => sum + gap, 0);
  const ages = rows.filter((row) => row.mark).map((row) => since(row.mark, row.at_ms));
  const more = (kind, name) => after[kind][name] - before[kind][name];
  return {
    frames_a_second: rows.length / ((ended_ms - began_ms) / 1000),
    longest_ms: Math.max(...gaps),
    stood_share: stood / (ended_ms - began_ms),
    age_p50_ms: ages.length > 0 ? quantile(ages, 0.5) : null,
    age_p95_ms: ages.length > 0 ? quantile(ages, 0.95) : null,
    height: rows.at(-1)?.height ?? 0,
    lost_share: more("video", "packetsLost") / Math.max(1, more("video", "packetsLost") + more("video", "packetsReceived")),
    made_up_share: more("audio", "concealedSamples") / Math.max(1, more("audio", "totalSamplesReceived")),
  };
}
