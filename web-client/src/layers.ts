// The layers of what is published: up to three sizes (simulcast, RFC 8853), so that each viewer gets what its line carries and
// its screen shows; and of each frames that no other frame needs (temporal layers).

/** What a feed's largest size may take. */
const FEED_BITRATE_BPS = 2_500_000;
/** The others, by their `rid`. The smallest is as large as the thumbnails are that the server makes of feeds of one size. */
const HALF = { rid: "half", scaleResolutionDownBy: 2, maxBitrate: 700_000 };
const SMALL = { rid: "small", height: 180, maxBitrate: 150_000 };
/** Of less than this, three sizes are not worth their encoders. */
const WORTH_HEIGHT = 540;
/** Codecs that browsers encode in several sizes at once. What has spatial layers of its own is left to those. */
const SEVERAL_SIZES: readonly (string | null)[] = [null, "H264", "VP8"];

/** The encodings of a picture of this height, the smallest first; what is chosen as `codec` may have one only. */
export function encodingsOf(height: number, codec: string | null): RTCRtpEncodingParameters[] {
  if (height < WORTH_HEIGHT || !SEVERAL_SIZES.includes(codec)) return [{ maxBitrate: FEED_BITRATE_BPS }];
  return [
    { rid: SMALL.rid, scaleResolutionDownBy: height / SMALL.height, maxBitrate: SMALL.maxBitrate },
    HALF,
    { rid: "full", maxBitrate: FEED_BITRATE_BPS },
  ];
}

/** Two: no frame needs every second one. A server without room for all leaves those out first, and where it makes a
 * thumbnail it does not decode them. `ARCHITECTURE.md` says what they cost. */
const TEMPORAL = "L1T2";

/**
 * The scalability mode to encode such pictures with, in the words of WebRTC; undefined where the browser has none for them,
 * or only in software what it would encode in hardware without: an operating room's computer sends up to four feeds.
 */
export async function temporalLayers(
  codec: Pick<RTCRtpCodec, "mimeType" | "sdpFmtpLine">, video: Omit<VideoConfiguration, "contentType">,
): Promise<string | undefined> {
  const contentType = codec.sdpFmtpLine === undefined ? codec.mimeType : `${codec.mimeType};${codec.sdpFmtpLine}`;
  const ask = (how: Partial<VideoConfiguration>) =>
    navigator.mediaCapabilities.encodingInfo({ type: "webrtc", video: { contentType, ...video, ...how } });
  try {
    const [plain, layered] = await Promise.all([ask({}), ask({ scalabilityMode: TEMPORAL })]);
    return layered.supported && (layered.powerEfficient || !plain.powerEfficient) ? TEMPORAL : undefined;
  } catch {
    // Too old to be asked: then it would take the mode without a word, or fail.
    return undefined;
  }
}
