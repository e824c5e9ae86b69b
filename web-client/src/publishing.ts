// What this client sends: up to four feeds and a voice over one connection, offered again after each change.

import type { FeedId, FeedKind, FeedOffer } from "../../signaling/messages.ts";
import { encodingsOf, temporalLayers } from "./layers.ts";
import { offerExtensions, Peer, preferCodecs } from "./media.ts";
import { startFaster } from "./sdp.ts";
import { ConnectionLost, type Signaling } from "./signaling.ts";

/** Between two attempts; a server that refuses must not be asked without pause. */
const RENEW_MS = 500;
/** An encoder begins small and grows for some seconds; reduced quality is worth a word only when it stays. */
const REDUCED_MS = 8_000;

/** A camera or screen to be published. */
export interface Source {
  /** Chosen by the page; names the source while it lives. */
  readonly key: string;
  readonly kind: FeedKind;
  readonly label: string;
  readonly track: MediaStreamTrack;
}

/** What really leaves, measured over the time since the last question: the largest size, and the rate of all together. */
export interface Sending {
  readonly width: number;
  readonly height: number;
  readonly frames_per_second: number;
  readonly bitrate_bps: number;
  readonly codec: string;
  /** What has held the quality back for a while, in WebRTC's words: `none`, `cpu`, `bandwidth`, `other`. */
  readonly limited_by: string;
  /** Nobody looks at it larger. */
  readonly is_enough: boolean;
}

/** Of what a sender can be told, what TypeScript does not know. */
interface Untyped {
  degradationPreference?: string;
  encodings: (RTCRtpEncodingParameters & { scalabilityMode?: string })[];
}

interface Outbound {
  type: string;
  id: string;
  kind?: string;
  mid?: string;
  rid?: string;
  codecId?: string;
  timestamp: number;
  bytesSent?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  qualityLimitationReason?: string;
  mimeType?: string;
}

/** What an encoder of a camera or screen has to do; where it does not say, what a capture card gives. */
function picturesOf(track: MediaStreamTrack): { width: number; height: number; framerate: number } {
  const { width = 1920, height = 1080, frameRate = 30 } = track.getSettings();
  return { width, height, framerate: frameRate };
}

export class Publishing {
  readonly #signaling: Signaling;
  readonly #codec: string | null;
  readonly #changed: () => void;
  #peer: Peer | null = null;
  #sources = new Map<string, Source>();
  #voice: MediaStreamTrack | null = null;
  /** Which m-line carries which source; null: it carried one, and may carry another. */
  #lines = new Map<RTCRtpTransceiver, string | null>();
  #voiceLine: RTCRtpTransceiver | null = null;
  /** By m-line, which feed it is to the server; by feed, which of its sizes are watched: all, where nothing is said. */
  #feeds = new Map<string, FeedId>();
  readonly #watched = new Map<FeedId, readonly string[]>();
  #adjusting: Promise<void> = Promise.resolve();
  #counted = new Map<string, { bytes: number; at_ms: number; full_ms: number }>();
  #renewing: ReturnType<typeof setTimeout> | undefined;

  constructor(signaling: Signaling, codec: string | null, changed: () => void) {
    this.#signaling = signaling;
    this.#codec = codec;
    this.#changed = changed;
  }

  get state(): RTCPeerConnectionState {
    return this.#peer?.connection.connectionState ?? "new";
  }

  /** Publishes one more source. Rejects with `Refused`; then nothing has changed. */
  async add(source: Source): Promise<void> {
    this.#sources.set(source.key, source);
    await this.#offer(() => this.#sources.delete(source.key));
  }

  async remove(key: string): Promise<void> {
    if (!this.#sources.delete(key)) return;
    await this.#offer(() => undefined);
  }

  /** Publishes a voice, puts another in its place, or ends it. */
  async setVoice(track: MediaStreamTrack | null): Promise<void> {
    const before = this.#voice;
    this.#voice = track;
    await this.#offer(() => (this.#voice = before));
  }

  /** The m-line of a published source. */
  midOf(key: string): string | null {
    for (const [line, carried] of this.#lines) if (carried === key) return line.mid;
    return null;
  }

  /** Offers everything anew over a new connection: after joining again, or when the old one died. */
  renew(): void {
    this.close();
    if (this.#sources.size === 0 && this.#voice === null) return;
    this.#offer(() => undefined).catch(() => this.#renewSoon());
  }

  /** Says which sizes of a feed are watched (rule P8): the others are not encoded. */
  layersWatched(feed: FeedId, layers: readonly string[]): void {
    this.#watched.set(feed, layers);
    void this.#adjust();
  }

  disconnected(): void {
    this.#peer?.abandon();
  }

  /** Ends it without asking: none of it is to be published any more. */
  forget(): void {
    this.#sources.clear();
    this.#voice = null;
    this.close();
  }

  close(): void {
    clearTimeout(this.#renewing);
    this.#peer?.close();
    this.#peer = null;
    this.#lines.clear();
    this.#feeds.clear();
    this.#voiceLine = null;
    this.#counted.clear();
  }

  /** What is sent now, by source. */
  async measure(): Promise<ReadonlyMap<string, Sending>> {
    const measured = new Map<string, Sending>();
    const report = await this.#peer?.connection.getStats();
    if (report === undefined) return measured;
    const entries: Outbound[] = [];
    report.forEach((entry: Outbound) => entries.push(entry));
    for (const entry of entries) {
      const key = entry.type === "outbound-rtp" && entry.kind === "video" ? this.#carriedBy(entry.mid) : null;
      if (key === null) continue;
      const [one, other] = [this.#sendingOf(entry, entries), measured.get(key)];
      const larger = other === undefined || one.width > other.width ? one : other;
      measured.set(key, { ...larger, bitrate_bps: one.bitrate_bps + (other?.bitrate_bps ?? 0) });
    }
    return measured;
  }

  #renewSoon(): void {
    clearTimeout(this.#renewing);
    this.#changed();
    // Without signaling nothing can be offered; joining again renews.
    this.#renewing = setTimeout(() => { if (this.#signaling.isJoined) this.renew(); }, RENEW_MS);
  }

  async #offer(undo: () => void): Promise<void> {
    const peer = (this.#peer ??= this.#newPeer());
    try {
      await peer.negotiate(() => this.#arrange(peer.connection));
    } catch (error) {
      // A lost connection is not a refusal: joining again offers everything anew.
      if (!(error instanceof ConnectionLost)) {
        undo();
        await this.#arrange(peer.connection);
        throw error;
      }
    } finally {
      this.#changed();
    }
    await this.#adjust();
  }

  #newPeer(): Peer {
    let isFirst = true;
    return new Peer(async (_, sdp) => {
      const feeds: FeedOffer[] = [];
      for (const [line, key] of this.#lines) {
        const source = key === null ? undefined : this.#sources.get(key);
        if (source !== undefined) feeds.push({ mid: line.mid, kind: source.kind, label: source.label });
      }
      const voice = this.#voice === null || this.#voiceLine === null ? null : { mid: this.#voiceLine.mid };
      const published = await this.#signaling.ask({ type: "publish", sdp, feeds, voice });
      // What was said before was said of the connection before.
      if (isFirst) this.#watched.clear();
      isFirst = false;
      this.#feeds = new Map(published.feeds.map(({ mid, feed }) => [mid, feed]));
      return startFaster(published.sdp);
    }, { changed: this.#changed, died: () => this.#renewSoon() });
  }

  /** Makes the m-lines fit what is to be published. An m-line set free now carries another source at the next change
   * at the earliest, so that the server never sees one feed turn into another. */
  async #arrange(connection: RTCPeerConnection): Promise<void> {
    const free = [...this.#lines].filter(([, key]) => key === null).map(([line]) => line);
    for (const [line, key] of this.#lines) {
      if (key !== null && !this.#sources.has(key)) {
        line.direction = "inactive";
        this.#lines.set(line, null);
        await line.sender.replaceTrack(null);
      }
    }
    const carried = new Set(this.#lines.values());
    for (const source of this.#sources.values()) {
      if (carried.has(source.key)) continue;
      const encodings = encodingsOf(picturesOf(source.track).height, this.#codec);
      const fits = (line: RTCRtpTransceiver) => line.sender.getParameters().encodings.length === encodings.length;
      const reused = free.findIndex(fits);
      const line = free.splice(reused, reused < 0 ? 0 : 1)[0] ?? this.#newLine(connection, encodings);
      line.direction = "sendonly";
      await line.sender.replaceTrack(source.track);
      this.#lines.set(line, source.key);
    }
    if (this.#voiceLine === null && this.#voice === null) return;
    this.#voiceLine ??= connection.addTransceiver("audio", { direction: "sendonly" });
    this.#voiceLine.direction = this.#voice === null ? "inactive" : "sendonly";
    await this.#voiceLine.sender.replaceTrack(this.#voice);
  }

  #newLine(connection: RTCPeerConnection, sendEncodings: RTCRtpEncodingParameters[]): RTCRtpTransceiver {
    const line = connection.addTransceiver("video", { direction: "sendonly", sendEncodings });
    preferCodecs(line, this.#codec);
    offerExtensions(line);
    return line;
  }

  /** One after the other: a sender takes no parameters while it still takes others. */
  #adjust(): Promise<void> {
    this.#adjusting = this.#adjusting.then(() => this.#setParameters());
    return this.#adjusting;
  }

  /** An operation moves: under pressure resolution goes before frame rate, and of the frames those go that no other needs.
   * Sizes that nobody watches are not encoded. */
  async #setParameters(): Promise<void> {
    for (const [line, key] of this.#lines) {
      const source = key === null ? undefined : this.#sources.get(key);
      if (source === undefined) continue;
      const pictures = picturesOf(source.track);
      const wanted = encodingsOf(pictures.height, this.#codec);
      const codec = line.sender.getParameters().codecs[0];
      const bitrate = wanted.at(-1)?.maxBitrate ?? 0;
      const temporal = codec === undefined ? undefined : await temporalLayers(codec, { ...pictures, bitrate });
      const parameters = line.sender.getParameters() as RTCRtpSendParameters & Untyped;
      parameters.degradationPreference = "maintain-framerate";
      for (const encoding of parameters.encodings) {
        const { scaleResolutionDownBy } = wanted.find((each) => each.rid === encoding.rid) ?? {};
        if (scaleResolutionDownBy !== undefined) encoding.scaleResolutionDownBy = scaleResolutionDownBy;
        if (temporal !== undefined) encoding.scalabilityMode = temporal;
        encoding.active = this.#isWatched(line.mid, encoding.rid);
      }
      // Firefox does not know the preference; it then keeps its own balance.
      await line.sender.setParameters(parameters).catch(() => undefined);
    }
  }

  #isWatched(mid: string | null | undefined, rid: string | undefined): boolean {
    const feed = this.#feeds.get(mid ?? "");
    const watched = feed === undefined ? undefined : this.#watched.get(feed);
    return watched === undefined || rid === undefined || watched.includes(rid);
  }

  #carriedBy(mid: string | undefined): string | null {
    for (const [line, key] of this.#lines) if (line.mid === mid) return key;
    return null;
  }

  #sendingOf(entry: Outbound, entries: readonly Outbound[]): Sending {
    const bytes = entry.bytesSent ?? 0;
    const before = this.#counted.get(entry.id);
    const limited_by = entry.qualityLimitationReason ?? "none";
    const full_ms = limited_by === "none" || before === undefined ? entry.timestamp : before.full_ms;
    this.#counted.set(entry.id, { bytes, at_ms: entry.timestamp, full_ms });
    const span_ms = before === undefined ? 0 : entry.timestamp - before.at_ms;
    const codec = entries.find((each) => each.type === "codec" && each.id === entry.codecId)?.mimeType ?? "";
    return {
      width: entry.frameWidth ?? 0,
      height: entry.frameHeight ?? 0,
      frames_per_second: entry.framesPerSecond ?? 0,
      bitrate_bps: before === undefined || span_ms <= 0 ? 0 : ((bytes - before.bytes) * 8_000) / span_ms,
      codec: codec.replace(/^video\//, ""),
      limited_by: entry.timestamp - full_ms < REDUCED_MS ? "none" : limited_by,
      is_enough: !this.#isWatched(entry.mid, "full"),
    };
  }
}
