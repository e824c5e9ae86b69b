// Network namespaces for participants who are somewhere else.

import { execFileSync } from "node:child_process";
import { Process } from "./process.mjs";

const ip = (...args) => execFileSync("ip", args, { stdio: ["ignore", "pipe", "pipe"] });

let count = 0;

/**
 * A place behind a cable: 10.77.N.1 here, 10.77.N.2 there.
 * `harness/alone` takes it away when the run ends.
 */
export function namespace(name) {
  const number = ++count;
  const here = `10.77.${number}.1`;
  const there = `10.77.${number}.2`;
  ip("netns", "add", name);
  ip("link", "add", `cable${number}`, "type", "veth", "peer", "name", "cable", "netns", name);
  ip("address", "add", `${here}/24`, "dev", `cable${number}`);
  ip("link", "set", `cable${number}`, "up");
  ip("-n", name, "address", "add", `${there}/24`, "dev", "cable");
  ip("-n", name, "link", "set", "cable", "up");
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "route", "add", "default", "via", here);
  return { name, here, there };
}

/** Gives a place behind a cable another address: what was bound to the old one leads nowhere any more. */
export function changeAddress({ name, here, there }) {
  const elsewhere = there.replace(/\.2$/, ".9");
  ip("-n", name, "address", "delete", `${there}/24`, "dev", "cable");
  ip("-n", name, "address", "add", `${elsewhere}/24`, "dev", "cable");
  ip("-n", name, "route", "add", "default", "via", here); // it went with the old address
  return elsewhere;
}

/** Drops every UDP packet from and to a namespace, silently and on arrival, as a hospital's firewall does. */
export function dropUdp({ name, there }) {
  execFileSync("iptables", ["-A", "INPUT", "-p", "udp", "-s", there, "-j", "DROP"]);
  execFileSync("ip", ["netns", "exec", name, "iptables", "-A", "INPUT", "-p", "udp", "-j", "DROP"]);
}

/**
 * A place behind a bad line instead of a cable.
 * @param {string} name
 * @param {{ delay_ms?: number, jitter_ms?: number, loss?: number, lose_dtls?: number, seed?: number,
 *   down_mbps?: number, up_mbps?: number, queue_ms?: number, outage_ms?: number, outage_every_s?: number }} line each
 *   way; `loss` is 0..1, `lose_dtls` so many of the first handshake packets, widths are 0 for as wide as can be
 * @returns its addresses, the line's process, and `widen({ down_mbps, up_mbps })`
 */
export async function farNamespace(name, line = {}) {
  const number = ++count;
  const here = `10.77.${number}.1`;
  const there = `10.77.${number}.2`;
  ip("netns", "add", name);
  ip("-n", name, "link", "set", "lo", "up");
  const script = new URL("link.py", import.meta.url).pathname;
  const options = Object.entries(line).map(([option, value]) => `--${option.replaceAll("_", "-")}=${value}`);
  const link = new Process("python3", [script, name, `--here=${here}`, `--there=${there}`, `--device=line${number}`, ...options]);
  await link.line(/^up$/);
  ip("-n", name, "route", "add", "default", "via", here);
  const widen = ({ down_mbps, up_mbps }) => {
    if (down_mbps !== undefined) link.stdin.write(`down ${down_mbps}\n`);
    if (up_mbps !== undefined) link.stdin.write(`up ${up_mbps}\n`);
  };
  return { name, here, there, link, widen };
}
