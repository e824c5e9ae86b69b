// Temporal layers of what is published: frames that no other frame needs.

/** Two: no frame needs every second one. A server without room for all leaves those out first, and where it makes a
 * thumbnail it does not decode them. `ARCHITECTURE.md` says what they cost. */
const LAYERS = "L1T2";

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
    const [plain, layered] = await Promise.all([ask({}), ask({ scalabilityMode: LAYERS })]);
    return layered.supported && (layered.powerEfficient || !plain.powerEfficient) ? LAYERS : undefined;
  } catch {
    // Too old to be asked: then it would take the mode without a word, or fail.
    return undefined;
  }
}
