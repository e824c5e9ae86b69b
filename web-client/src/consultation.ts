// One stay in a room: wires signaling, the session's reducer and the two media connections together. React reads
// `session` and calls the verbs; it never sees a socket or a connection.

import type { FeedChoice, FeedId, Member, Role, ServerMessage } from "../../signaling/messages.ts";
import { ShownAges } from "./ages.ts";
import { Publishing, type Source } from "./publishing.ts";
import { type Downlink, Receiving } from "./receiving.ts";
import { act, EMPTY, hear, type LocalAction, type Session } from "./session.ts";
import { type Request, Signaling, signalingUrl } from "./signaling.ts";
import type { Sizes } from "./sizes.ts";
import { maySpeak } from "./talk.ts";

/** Slots by page. Panel: one large, twelve for three sites of four feeds, and three for faces and screens of its own:
 * as many as the server allows (rule L1). Surgeon: four of the site, two of the panel. Trainee: the programme's feed, and the
 * face of who speaks. */
export const SLOTS: Readonly<Record<Role, number>> = {
  lead: 16, expert: 16, surgeon: 6, trainee: 2, display: 3, device: 0, service: 0,
};

/** How often the server is told how old the pictures are. */
const TELL_AGES_EVERY_MS = 5_000;

/** A view of everything that a page draws; a new object whenever something in it changed. */
export interface Snapshot {
  readonly session: Session;
  readonly downlink: Downlink;
  readonly receiving: RTCPeerConnectionState;
  readonly publishing: RTCPeerConnectionState;
  readonly talking: boolean;
  /** Talking, let through, and the way to the server stands: only then may a page say so (hazard H4). */
  readonly heard: boolean;
  readonly microphone: MediaStreamTrack | null;
}

export class Consultation {
  readonly signaling: Signaling;
  readonly publishing: Publishing;
  /** What the pictures on the page say of their age. */
  readonly ages = new ShownAges(() => this.#receiving?.way_ms ?? 0);
  #telling: ReturnType<typeof setInterval> | undefined;
  #receiving: Receiving | null = null;
  #session: Session = EMPTY;
  #choices: readonly (FeedChoice | null)[] = [];
  #microphone: MediaStreamTrack | null = null;
  #talking = false;
  #snapshot: Snapshot;
  readonly #listeners = new Set<() => void>();

  constructor(token: string, codec: string | null) {
    this.signaling = new Signaling(signalingUrl(), token, {
      connecting: () => this.#act({ type: "connecting" }),
      heard: (message) => this.#hear(message),
      lost: () => this.#act({ type: "connection_lost" }),
    });
    this.publishing = new Publishing(this.signaling, codec, () => this.#changed());
    this.#snapshot = this.#look();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  start(): void {
    this.#act({ type: "connecting" });
    this.signaling.start();
    this.#telling = setInterval(() => this.#tellAges(), TELL_AGES_EVERY_MS);
  }

  /** Leaves the room and gives back cameras and microphone. */
  leave(): void {
    clearInterval(this.#telling);
    this.signaling.stop();
    this.#receiving?.close();
    this.publishing.close();
    this.#microphone?.stop();
    this.#microphone = null;
    this.#act({ type: "ended" });
  }

  /** How large the slots are drawn; none before there are any. */
  get sizes(): Sizes | undefined {
    return this.#receiving?.sizes;
  }

  /** Does something that the server answers with news for everybody; what it refuses is shown with the other refusals. */
  request(message: Request): Promise<boolean> {
    return this.signaling.ask(message).then(() => true, () => false);
  }

  watch(choices: readonly (FeedChoice | null)[]): void {
    this.#choices = choices;
    this.#receiving?.watch(choices);
  }

  publish(source: Source): Promise<void> {
    return this.publishing.add(source);
  }

  unpublish(key: string): Promise<void> {
    return this.publishing.remove(key);
  }

  muteFeed(feed: FeedId, muted: boolean): void {
    this.signaling.ask({ type: "mute_feed", feed, muted }).catch(() => undefined);
  }

  /** Publishes a microphone, silent unless `talking`; null takes it away. */
  async setMicrophone(track: MediaStreamTrack | null, talking: boolean): Promise<void> {
    const before = this.#microphone;
    if (track !== null) track.enabled = talking;
    this.#talking = talking && track !== null;
    this.#microphone = track;
    try {
      await this.publishing.setVoice(track);
    } catch (error) {
      this.#microphone = before;
      this.#talking = false;
      track?.stop();
      throw error;
    } finally {
      this.#changed();
    }
    before?.stop();
    this.#sayTalking();
  }

  /** Lets the voice through or holds it back: here at once, and in the server for good. */
  talk(talking: boolean): void {
    if (this.#microphone === null || talking === this.#talking) return;
    this.#talking = talking;
    this.#microphone.enabled = talking;
    this.#sayTalking();
    this.#changed();
  }

  refusalSeen(serial: number): void {
    this.#act({ type: "refusal_seen", serial });
  }

  /** For the server's figures. */
  #tellAges(): void {
    const ages = this.ages.take();
    if (ages.length > 0 && this.#session.line === "joined") this.signaling.say({ type: "note_ages", ages });
  }

  #sayTalking(): void {
    if (this.#session.voice === null || this.#session.voiceMuted === !this.#talking) return;
    this.signaling.ask({ type: "mute_voice", muted: !this.#talking }).catch(() => undefined);
  }

  #hear(message: ServerMessage): void {
    const before = this.#session.you;
    this.#session = hear(this.#session, message);
    if (message.type === "joined") this.#joined(message.you, before);
    if (message.type === "floor_taken" && message.member === before?.id && !maySpeak(this.#session)) this.#fallSilent();
    if (message.type === "published") this.#sayTalking();
    if (message.type === "layers_watched") this.publishing.layersWatched(message.feed, message.layers);
    if (message.type === "disconnected") {
      if (message.connection === "publish") this.publishing.disconnected();
      else this.#receiving?.disconnected();
    }
    if (this.#session.line === "ended") {
      clearInterval(this.#telling);
      this.signaling.stop();
      this.#receiving?.close();
      // Sent out, or the room has ended: nothing goes on listening.
      this.#fallSilent();
    }
    this.#changed();
  }

  /** In the room, for the first time or again: everything is offered anew, and the choices are said again. */
  #joined(you: Member, before: Member | null): void {
    // Numbers of feeds may mean others after a restart of the server: the page chooses anew from the new list.
    this.#choices = [];
    // Moved to another role or site: what was published there is over (rule R3), and must not come back as another's.
    const isMoved = before !== null && (before.role !== you.role || before.site !== you.site);
    if (isMoved || !maySpeak(this.#session)) this.#fallSilent();
    const count = SLOTS[you.role];
    if (isMoved) {
      this.#receiving?.close();
      this.#receiving = null;
    }
    if (count > 0) {
      this.#receiving ??= new Receiving(this.signaling, count, () => this.#changed());
      this.#receiving.watch(this.#choices);
      this.#receiving.renew();
    }
    this.publishing.renew();
  }

  /** Nothing of this client may be published any more: cameras and microphone are given back. */
  #fallSilent(): void {
    this.#microphone?.stop();
    this.#microphone = null;
    this.#talking = false;
    this.publishing.forget();
  }

  #act(action: LocalAction): void {
    this.#session = act(this.#session, action);
    this.#changed();
  }

  #look(): Snapshot {
    const { line, voice, voiceMuted, you } = this.#session;
    const letThrough = voice !== null && !voiceMuted && you?.silenced !== true;
    return {
      heard: this.#talking && line === "joined" && letThrough && this.publishing.state === "connected",
      session: this.#session,
      downlink: this.#receiving?.downlink ?? { slots: [], voices: [] },
      receiving: this.#receiving?.state ?? "new",
      publishing: this.publishing.state,
      talking: this.#talking,
      microphone: this.#microphone,
    };
  }

  #changed(): void {
    this.#snapshot = this.#look();
    for (const listener of this.#listeners) listener();
  }
}
