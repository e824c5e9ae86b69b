// FFmpeg's own WHIP muxer, as a hospital's script would call it.

import { execFileSync } from "node:child_process";

import { Process } from "../harness/process.mjs";
import { feed, fps, size } from "./picture.mjs";

const venv = new URL("../../../.venv/bin/python", import.meta.url).pathname;
/** The FFmpeg that the Python package carries. */
export const ffmpeg = execFileSync(venv, ["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"], { encoding: "utf8" }).trim();

/**
 * What an encoder is to say of its colours. The pictures are drawn with smpte170m; a browser that is not told takes them for BT.709.
 * @param {string} space @param {"tv" | "pc"} range
 */
export const coloured = (space, range) =>
  ["-colorspace", space, "-color_primaries", space, "-color_trc", space, "-color_range", range];

/**
 * Publishes H.264 and Opus until stopped.
 * @param {{ endpoint: string, token: string, site: number, kind: number, tone_hz?: number, gop_frames?: number, filter?: string,
 *   colour?: string[], namespace?: string }} what  `filter` is what is done to the pictures, `colour` what is said of their colours.
 */
export function ffmpegPublisher({ endpoint, token, site, kind, tone_hz = 440, gop_frames = fps, filter, colour = coloured("smpte170m", "tv"), namespace }) {
  const raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", `${size.width}x${size.height}`, "-framerate", `${fps}`];
  const tone = ["-re", "-f", "lavfi", "-i", `sine=frequency=${tone_hz}:sample_rate=48000`];
  // With B-frames FFmpeg refuses to publish by itself.
  const h264 = [...(filter ? ["-vf", filter] : []), "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-bf", "0"];
  const rate = ["-b:v", "1M", "-pix_fmt", "yuv420p", ...colour, "-g", `${gop_frames}`, "-sc_threshold", "0"];
  const opus = ["-c:a", "libopus", "-ac", "2", "-ar", "48000"];
  const whip = ["-f", "whip", "-authorization", token, endpoint];
  const args = ["-hide_banner", "-loglevel", "info", "-nostats", "-re", ...raw, "-i", "pipe:0", ...tone, ...h264, ...rate, ...opus, ...whip];
  const process = new Process(ffmpeg, args, { namespace });
  feed(process.stdin, { site, kind });
  return process;
}
