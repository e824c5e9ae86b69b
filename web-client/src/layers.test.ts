import { afterEach, describe, expect, it, vi } from "vitest";
import { encodingsOf, temporalLayers } from "./layers.ts";

const codec = { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1" };
const video = { width: 1280, height: 720, bitrate: 2_500_000, framerate: 30 };

/** A browser that can encode so: with layers and without. */
function browser(plain: boolean | "hardware", layered: boolean | "hardware"): void {
  const encodingInfo = (asked: { video: VideoConfiguration }) => {
    expect(asked.video.contentType).toBe("video/H264;packetization-mode=1");
    const way = asked.video.scalabilityMode === undefined ? plain : layered;
    return Promise.resolve({ supported: way !== false, powerEfficient: way === "hardware" });
  };
  vi.stubGlobal("navigator", { mediaCapabilities: { encodingInfo } });
}

afterEach(() => vi.unstubAllGlobals());

describe("sizes", () => {
  const sizes = (height: number, codec: string | null = null) =>
    encodingsOf(height, codec).map(({ rid, scaleResolutionDownBy = 1 }) => [rid, height / scaleResolutionDownBy]);

  it("are three of what is large, the smallest first", () => {
    expect(sizes(1080)).toEqual([["small", 180], ["half", 540], ["full", 1080]]);
    expect(sizes(720)).toEqual([["small", 180], ["half", 360], ["full", 720]]);
  });

  it("are one of what is small, and of codecs that have spatial layers of their own", () => {
    expect(sizes(480)).toEqual([[undefined, 480]]);
    for (const [codec, count] of [["H264", 3], ["VP8", 3], ["VP9", 1], ["AV1", 1]] as const) {
      expect(sizes(1080, codec)).toHaveLength(count);
    }
  });
});

describe("temporal layers", () => {
  it("are sent where they cost no encoder in hardware", async () => {
    for (const [plain, layered, mode] of [
      [true, true, "L1T2"], ["hardware", "hardware", "L1T2"], ["hardware", true, undefined], [true, false, undefined],
    ] as const) {
      browser(plain, layered);
      expect(await temporalLayers(codec, video)).toBe(mode);
    }
  });

  it("are not asked of a browser that cannot say", async () => {
    vi.stubGlobal("navigator", {});
    expect(await temporalLayers(codec, video)).toBeUndefined();
    vi.stubGlobal("navigator", { mediaCapabilities: { encodingInfo: () => Promise.reject(new TypeError("webrtc")) } });
    expect(await temporalLayers(codec, video)).toBeUndefined();
  });
});
