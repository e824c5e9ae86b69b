// One RTCPeerConnection to the server and its negotiation, the same for what is published and what is received:
// the client always offers, the server is ICE-lite, so the offer goes out at once and no candidate is waited for.

import { ConnectionLost, Refused } from "./signaling.ts";

/** What Chromium can say of every frame but does not offer by itself: when it was captured; and, of AV1, of which layers it
 * is and which frames it needs, without which nothing is shown of several spatial layers. */
const EXTENSIONS: readonly string[] = [
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
];
/** H.264 first: endoscopy systems and capture cards speak it, and hardware encodes it. */
const CODECS: readonly string[] = ["video/h264", "video/av1", "video/vp9", "video/vp8"];
/** A browser calls a path disconnected after 5 to 6 s without an answer; the rest of its patience, 15 s, is not for us. A
 * new connection then finds another way (TCP where UDP is shut) in a quarter of a second. In Chromium an ICE restart of
 * the same connection finds it as fast, if it is begun then (`restart.test.mjs`; begun 2 s after UDP was shut, pictures
 * took 4 s); a new one also mends what a restart does not: a session that the server has given up. */
const DISCONNECTED_MS = 500;
/** A connection that is not up by then, after its answer, will not be. */
const CONNECT_MS = 6_000;

/** Header extensions can be chosen in Chromium only, and TypeScript does not know it. */
interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}
interface ChoosesHeaderExtensions {
  getHeaderExtensionsToNegotiate(): HeaderExtension[];
  setHeaderExtensionsToNegotiate(extensions: HeaderExtension[]): void;
}

/** Offers the header extensions that Chromium leaves out by itself. */
export function offerExtensions(transceiver: RTCRtpTransceiver): void {
  if (!("setHeaderExtensionsToNegotiate" in transceiver)) return;
  const chooser = transceiver as unknown as ChoosesHeaderExtensions;
  const extensions = chooser.getHeaderExtensionsToNegotiate();
  for (const extension of extensions) if (EXTENSIONS.includes(extension.uri)) extension.direction = "sendrecv";
  chooser.setHeaderExtensionsToNegotiate(extensions);
}

/** Puts the codecs into our order; with `only` (as in an rtpmap), offers no other. */
export function preferCodecs(transceiver: RTCRtpTransceiver, only: string | null): void {
  // Feature-detected: the function came to Firefox late, and some builds know no capabilities of senders.
  const capabilities = "setCodecPreferences" in transceiver ? RTCRtpSender.getCapabilities("video") : null;
  if (capabilities === null) return;
  const wanted = only === null ? CODECS : [`video/${only.toLowerCase()}`];
  const media: readonly string[] = [...CODECS, "video/h265"];
  const rank = (codec: RTCRtpCodec) => {
    const index = wanted.indexOf(codec.mimeType.toLowerCase());
    return index < 0 ? wanted.length : index;
  };
  // Retransmission and the like are in the list beside the codecs, and stay.
  const codecs = capabilities.codecs
    .filter((codec) => only === null || rank(codec) === 0 || !media.includes(codec.mimeType.toLowerCase()))
    .sort((a, b) => rank(a) - rank(b));
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // The browser's own order still connects.
  }
}

/** Sends an offer to the server and gives its answer. */
export type Exchange = (connection: RTCPeerConnection, sdp: string) => Promise<string>;

export interface PeerListener {
  /** The connection's state changed. */
  changed(): void;
  /** The connection is beyond repair; a new one is needed. */
  died(): void;
}

export class Peer {
  readonly connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  readonly #exchange: Exchange;
  readonly #listener: PeerListener;
  #turn: Promise<void> = Promise.resolve();
  #patience: ReturnType<typeof setTimeout> | undefined;
  #answered = false;
  #closed = false;

  constructor(exchange: Exchange, listener: PeerListener) {
    this.#exchange = exchange;
    this.#listener = listener;
    this.connection.onconnectionstatechange = () => this.#connectionChanged();
  }

  /**
   * Offers and applies the answer, one at a time. `prepare` runs when its turn has come, and may change transceivers.
   * Rejects with `Refused` (the offer is rolled back) or `ConnectionLost`.
   */
  negotiate(prepare: () => void | Promise<void> = () => undefined): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#closed) throw new ConnectionLost();
      await prepare();
      await this.#offer();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** The server says `disconnected` (rule P7): nothing is to be waited for. It says so when the path falls silent and
   * again when it gives the connection up; what comes before this connection's first answer is about the one before. */
  abandon(): void {
    if (this.#answered) this.#died();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#patience);
    this.connection.onconnectionstatechange = null;
    this.connection.close();
  }

  async #offer(): Promise<void> {
    const connection = this.connection;
    await connection.setLocalDescription(await connection.createOffer());
    const sdp = connection.localDescription?.sdp ?? "";
    try {
      const answer = await this.#exchange(connection, sdp);
      this.#answered = true;
      // Closed while the answer was under way: `setRemoteDescription` would throw.
      if (this.#closed) throw new ConnectionLost();
      await connection.setRemoteDescription({ type: "answer", sdp: answer });
    } catch (error) {
      if (error instanceof Refused) await connection.setLocalDescription({ type: "rollback" });
      throw error;
    }
    this.#watchTransport();
    if (this.connection.connectionState !== "connected") this.#giveUpAfter(CONNECT_MS);
  }

  /** A server that closes says so by DTLS at once; ICE would notice after 5 s only. */
  #watchTransport(): void {
    const transport = this.connection.getTransceivers().map((each) => each.sender.transport ?? each.receiver.transport);
    const dtls = transport.find((each) => each !== null);
    if (!dtls) return;
    dtls.onstatechange = () => {
      if (!this.#closed && (dtls.state === "closed" || dtls.state === "failed")) this.#died();
    };
  }

  #connectionChanged(): void {
    const state = this.connection.connectionState;
    clearTimeout(this.#patience);
    if (state === "connecting") this.#giveUpAfter(CONNECT_MS);
    if (state === "disconnected") this.#giveUpAfter(DISCONNECTED_MS);
    if (state === "failed") this.#died();
    this.#listener.changed();
  }

  #giveUpAfter(patience_ms: number): void {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      if (this.connection.connectionState !== "connected") this.#died();
    }, patience_ms);
  }

  #died(): void {
    if (this.#closed) return;
    this.close();
    this.#listener.died();
  }
}
