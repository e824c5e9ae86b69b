// Peers that come so far and no further, byte by byte.

import { createHmac, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";

import { until } from "../harness/until.mjs";

/** An offer of one H.264 feed by a peer that need not exist. */
export function offer({ ufrag = hex(4), pwd = hex(16) } = {}) {
  const fingerprint = [...randomBytes(32)].map((byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(":");
  return [
    "v=0",
    `o=- ${randomBytes(4).readUInt32BE()} 2 IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=video 9 UDP/TLS/RTP/SAVPF 102",
    "c=IN IP4 0.0.0.0",
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    "a=setup:actpass",
    "a=mid:0",
    "a=sendonly",
    "a=msid:- feed",
    "a=rtcp-mux",
    "a=rtpmap:102 H264/90000",
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtcp-fb:102 nack pli",
    `a=ssrc:${randomBytes(4).readUInt32BE()} cname:stranger`,
    "",
  ].join("\r\n");
}

/** Offers a feed by WHIP as a peer that will send what it is told to and nothing else. */
export async function half(endpoint, token) {
  const ufrag = hex(4);
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" };
  const response = await fetch(endpoint, { method: "POST", headers, body: offer({ ufrag }) });
  const answer = await response.text();
  if (response.status !== 201) return { status: response.status, problem: JSON.parse(answer) };
  const read = (pattern) => answer.match(pattern)?.[1];
  const candidate = answer.match(/a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host/i);
  return {
    status: 201,
    session: new URL(response.headers.get("Location"), endpoint).href,
    address: { host: candidate[1], port: Number(candidate[2]) },
    remote: { ufrag: read(/a=ice-ufrag:(\S+)/), pwd: read(/a=ice-pwd:(\S+)/) },
    ufrag,
  };
}

/** Checks the connectivity as a controlling ICE agent does; resolves when the server has answered. Gives the socket. */
export async function stun(peer) {
  const socket = createSocket("udp4");
  const answered = once(socket, "message");
  const username = Buffer.from(`${peer.remote.ufrag}:${peer.ufrag}`);
  const attributes = [
    attribute(0x0006, username),
    attribute(0x0024, Buffer.from([0x6e, 0x7f, 0x1e, 0xff])), // PRIORITY
    attribute(0x802a, randomBytes(8)), // ICE-CONTROLLING
    attribute(0x0025, Buffer.alloc(0)), // USE-CANDIDATE
  ];
  let message = Buffer.concat([Buffer.from([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]), randomBytes(12), ...attributes]);
  message.writeUInt16BE(message.length - 20 + 24, 2);
  message = Buffer.concat([message, attribute(0x0008, createHmac("sha1", peer.remote.pwd).update(message).digest())]);
  message.writeUInt16BE(message.length - 20 + 8, 2);
  const check = Buffer.alloc(4);
  check.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0);
  message = Buffer.concat([message, attribute(0x8028, check)]);
  let got = false;
  answered.then(() => (got = true));
  await until("an answer to a STUN request", () => {
    if (!got) socket.send(message, peer.address.port, peer.address.host);
    return got;
  });
  return socket;
}

/** Says hello in DTLS and waits for the server's flight, which it will never answer. */
export async function dtlsHello(peer, socket) {
  const suites = Buffer.from([0xc0, 0x2b, 0xc0, 0x2f]);
  const extensions = Buffer.concat([
    extension(10, Buffer.from([0, 2, 0, 23])), // secp256r1
    extension(11, Buffer.from([1, 0])), // uncompressed points
    extension(13, Buffer.from([0, 4, 4, 3, 4, 1])), // ECDSA and RSA with SHA-256
    extension(14, Buffer.from([0, 4, 0, 7, 0, 1, 0])), // SRTP: AES-GCM-128, AES-CM-128
    extension(23, Buffer.alloc(0)), // extended master secret
  ]);
  const hello = Buffer.concat([
    Buffer.from([0xfe, 0xfd]),
    randomBytes(32),
    Buffer.from([0, 0]), // no session, no cookie
    length16(suites),
    Buffer.from([1, 0]), // no compression
    length16(extensions),
  ]);
  const handshake = Buffer.concat([Buffer.from([1]), length24(hello.length), Buffer.alloc(5), length24(hello.length), hello]);
  const record = Buffer.concat([Buffer.from([22, 0xfe, 0xff]), Buffer.alloc(8), length16(handshake)]);
  const flight = new Promise((resolve) => socket.on("message", (data) => data[0] === 22 && resolve()));
  socket.send(record, peer.address.port, peer.address.host);
  await flight;
}

/** Noise of every kind that the first byte can announce (RFC 7983), and of every length up to an Ethernet frame; as
 * fast as a 100 Mbit/s line brings it, for what overflows the kernel's buffer never reaches the server. */
export async function noise({ host, port }, count) {
  const socket = createSocket("udp4");
  const first = [0, 1, 16, 20, 22, 23, 63, 64, 79, 128, 144, 191, 192, 255];
  for (let index = 0; index < count; index++) {
    const datagram = randomBytes(index % 1400);
    if (datagram.length) datagram[0] = first[index % first.length];
    await new Promise((resolve) => socket.send(datagram, port, host, resolve));
    if (index % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  socket.close();
}

const hex = (bytes) => randomBytes(bytes).toString("hex");

function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function extension(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function length16(value) {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(value.length);
  return Buffer.concat([head, value]);
}

function length24(length) {
  const head = Buffer.alloc(3);
  head.writeUIntBE(length, 0, 3);
  return head;
}
