// FFmpeg's own WHIP muxer, as a hospital's script would call it.

import { execFileSync } from "node:child_process";

import { Process } from "../harness/process.mjs";
import { feed, fps, size } from "./picture.mjs";

const venv = new URL("../../../.venv/bin/python", import.meta.url).pathname;
const ffmpeg = execFileSync(venv, ["-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"], { encoding: "utf8" }).trim();

/**
 * Publishes H.264 and Opus until stopped.
 * @param {{ endpoint: string, token: string, site: number, kind: number, tone_hz?: number, gop_frames?: number,
 *   b_frames?: number, profile?: string, namespace?: string }} what
 */
export function ffmpegPublisher({ endpoint, token, site, kind, tone_hz = 440, gop_frames = fps, b_frames = 0, namespace }) {
  const raw = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", `${size.width}x${size.height}`, "-framerate", `${fps}`];
  const tone = ["-re", "-f", "lavfi", "-i", `sine=frequency=${tone_hz}:sample_rate=48000`];
  // B-frames need the Main profile, and `-tune zerolatency` would turn them off.
  const h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1M", "-pix_fmt", "yuv420p", "-g", `${gop_frames}`, "-sc_threshold", "0"];
  const frames = b_frames ? ["-profile:v", "main", "-bf", `${b_frames}`] : ["-profile:v", "baseline", "-tune", "zerolatency", "-bf", "0"];
  const opus = ["-c:a", "libopus", "-ac", "2", "-ar", "48000"];
  const whip = ["-f", "whip", "-authorization", token, endpoint];
  const args = ["-hide_banner", "-loglevel", "info", "-nostats", "-re", ...raw, "-i", "pipe:0", ...tone, ...h264, ...frames, ...opus, ...whip];
  const process = new Process(ffmpeg, args, { namespace });
  feed(process.stdin, { site, kind });
  return process;
}
