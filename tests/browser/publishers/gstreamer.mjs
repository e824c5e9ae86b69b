// Debian's stock GStreamer with its RSA certificate.

import { Process } from "../harness/process.mjs";
import { feed, fps, size } from "./picture.mjs";

const script = new URL("gst_whip.py", import.meta.url).pathname;

/**
 * Publishes H.264 and Opus until stopped.
 * @param {{ endpoint: string, token: string, site: number, kind: number, setup?: "actpass" | "passive",
 *   tone_hz?: number, gop_frames?: number, b_frames?: number, namespace?: string }} what
 *   `setup`: actpass makes GStreamer the DTLS client, passive the DTLS server.
 */
export function gstreamerPublisher({ endpoint, token, site, kind, setup = "actpass", tone_hz = 440, gop_frames = 300, b_frames = 0, namespace }) {
  const picture = [`--width=${size.width}`, `--height=${size.height}`, `--fps=${fps}`];
  const args = [script, endpoint, `--token=${token}`, `--setup=${setup}`, ...picture, `--gop-frames=${gop_frames}`, `--b-frames=${b_frames}`, `--tone-hz=${tone_hz}`];
  // Debian's Python, because that is the one that Debian's python3-gi is for.
  const process = new Process("/usr/bin/python3", args, { namespace });
  feed(process.stdin, { site, kind });
  return process;
}
