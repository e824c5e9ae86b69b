// What this client watches and hears: one connection with a fixed set of slots and places for voices, offered once.
// Another feed in a slot is one `watch`, never a negotiation.

import type { FeedChoice, Slot } from "../../signaling/messages.ts";
import { type Held, HeldPictures } from "./held.ts";
import { offerExtensions, Peer } from "./media.ts";
import { ConnectionLost, type Signaling } from "./signaling.ts";
import { Sizes } from "./sizes.ts";

/** As many as the server allows (rule L1): three sites, the panel and whoever has the floor may speak at once, and nobody of them
 * may go unheard (hazard H4). */
const VOICES = 8;
/** How often the way from the server is measured, for browsers that do not know a frame's capture time; and how long
 * pictures are held back. */
const WAY_EVERY_MS = 2_000;
/** Between two attempts; a server that refuses must not be asked without pause. */
const RENEW_MS = 500;

/** The media of one slot. The stream stays the same object for the life of a connection. */
export interface Downlink {
  readonly slots: readonly MediaStream[];
  readonly voices: readonly MediaStream[];
}

const NOTHING: Downlink = { slots: [], voices: [] };

export class Receiving {
  /** How large the slots are drawn. */
  readonly sizes: Sizes;
  readonly #signaling: Signaling;
  readonly #slotCount: number;
  readonly #changed: () => void;
  #peer: Peer | null = null;
  #downlink: Downlink = NOTHING;
  #choices: (FeedChoice | null)[] = [];
  /** What was said of each slot on this connection, as JSON; the slots exist once `received` has come. */
  #said: string[] | null = null;
  #way_ms = 0;
  #held = new HeldPictures();
  #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(signaling: Signaling, slotCount: number, changed: () => void) {
    this.#signaling = signaling;
    this.sizes = new Sizes((slot, size) => signaling.say({ type: "resize", slot, ...size }));
    this.#slotCount = slotCount;
    this.#changed = changed;
  }

  get downlink(): Downlink {
    return this.#downlink;
  }

  get state(): RTCPeerConnectionState {
    return this.#peer?.connection.connectionState ?? "new";
  }

  /** One-way time from the server, half of ICE's round trip; 0 until it is known. */
  get way_ms(): number {
    return this.#way_ms;
  }

  /** Opens the connection, or puts a new one in place of it. The choices stay. */
  renew(): void {
    this.close();
    this.#held = new HeldPictures();
    const peer = new Peer(async (connection, sdp) => {
      const mids = (kind: string) => connection.getTransceivers()
        .filter((each) => each.receiver.track.kind === kind && each.mid !== null).map((each) => each.mid ?? "");
      const answer = await this.#signaling.ask(
        { type: "receive", sdp, slots: mids("video"), voices: mids("audio") });
      return answer.sdp;
    }, { changed: this.#changed, died: () => this.#renewSoon() });
    this.#peer = peer;
    const streamOf = (kind: "video" | "audio") => {
      const transceiver = peer.connection.addTransceiver(kind, { direction: "recvonly" });
      offerExtensions(transceiver);
      return new MediaStream([transceiver.receiver.track]);
    };
    this.#downlink = {
      slots: Array.from({ length: this.#slotCount }, () => streamOf("video")),
      voices: Array.from({ length: VOICES }, () => streamOf("audio")),
    };
    this.#timers.push(setInterval(() => void this.#measureWay(peer), WAY_EVERY_MS));
    peer.negotiate().then(() => {
      if (this.#peer !== peer) return;
      this.#said = [];
      // Before the choices, so that the first picture is none that is too large.
      this.sizes.open();
      this.#sayChoices();
    }, (error: unknown) => {
      if (!(error instanceof ConnectionLost)) this.#renewSoon();
    });
    this.#changed();
  }

  /** What each slot is to show, slot 0 first. Only what differs from before is said. */
  watch(choices: readonly (FeedChoice | null)[]): void {
    this.#choices = choices.slice(0, this.#slotCount);
    this.#sayChoices();
  }

  disconnected(): void {
    this.#peer?.abandon();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#peer?.close();
    this.#peer = null;
    this.#said = null;
    this.sizes.close();
  }

  #renewSoon(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#said = null;
    this.sizes.close();
    this.#changed();
    // Without signaling nothing can be offered; joining again renews. Until then the last picture stays, and says so.
    this.#timers = [setTimeout(() => { if (this.#signaling.isJoined) this.renew(); }, RENEW_MS)];
  }

  #sayChoices(): void {
    const said = this.#said;
    if (said === null) return;
    this.#choices.forEach((choice, slot: Slot) => {
      const text = JSON.stringify(choice);
      if ((said[slot] ?? "null") === text) return;
      said[slot] = text;
      // Refused when the feed went in the meantime: the list of feeds then changes, and with it the choice.
      this.#signaling.ask({ type: "watch", slot, choice }).catch(() => {
        if (said[slot] === text) said[slot] = "refused";
      });
    });
  }

  async #measureWay(peer: Peer): Promise<void> {
    const report = await peer.connection.getStats();
    const pictures: [string, Held][] = [];
    report.forEach((entry: { type: string; id: string; kind?: string; nominated?: boolean; currentRoundTripTime?: number } & Held) => {
      if (entry.type === "inbound-rtp" && entry.kind === "video") pictures.push([entry.id, entry]);
      if (entry.type === "candidate-pair" && entry.nominated === true && entry.currentRoundTripTime !== undefined) {
        this.#way_ms = (entry.currentRoundTripTime * 1_000) / 2;
      }
    });
    const held_ms = this.#held.note(pictures);
    for (const { receiver } of peer.connection.getTransceivers()) {
      // Feature-detected: without it a voice comes when it comes.
      if (receiver.track.kind === "audio" && "jitterBufferTarget" in receiver) receiver.jitterBufferTarget = held_ms;
    }
  }
}
