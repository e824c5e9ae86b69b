// The WebSocket to the server: every message is checked on its way in, answers find their question, a lost
// connection comes back by itself and joins again.

import type { ClientMessage, MemberId, RefusalCode, RequestId, ServerMessage } from "../../signaling/messages.ts";
import { decode } from "./check.ts";
import { localNow_ms, ServerClock } from "./clock.ts";

/** The version of the contract that this client speaks. */
const VERSION = 1;
const PING_EVERY_MS = 3_000;
/** Pings at first come faster, so that the clock is known early. */
const FIRST_PINGS = 5;
const FIRST_PING_EVERY_MS = 200;
/** With nothing heard for so long, three pings have gone unanswered: the connection is dead, whatever it says. */
const SILENCE_MS = 9_500;
/** The first attempts come quickly, for a server that restarts is back within seconds. */
const BACKOFF_MS = [200, 400, 800, 1_500, 2_000] as const;

/** Which answer belongs to which question. */
interface Answers {
  join: "joined";
  publish: "published";
  receive: "received";
  watch: "watched";
  mute_voice: "voice_muted";
  mute_feed: "feed_muted";
  attend: "attended";
  direct_voice: "voice_directed";
  call: "called";
  answer_call: "call_over";
  end_call: "call_over";
  set_duty: "duty_set";
  say: "said";
  ask: "asked";
  answer_question: "question_changed";
  air_question: "question_changed";
  raise_hand: "hand_raised";
  give_floor: "floor_given";
  take_floor: "floor_taken";
  show_programme: "programme_shown";
  admit: "knock_over";
  turn_away: "knock_over";
  silence_member: "member_silenced";
  move_member: "moved";
  remove_member: "left";
  set_policy: "policy_set";
}
export type Question = keyof Answers;
/** What may be asked, of all that a client says. */
export type Request = Extract<ClientMessage, { type: Question }>;
type Say<T extends ClientMessage["type"]> = Extract<ClientMessage, { type: T }>;
type Answer<T extends Question> = Extract<ServerMessage, { type: Answers[T] }>;

/** The server said no; nothing has changed. */
export class Refused extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/** The connection went before the answer came. */
export class ConnectionLost extends Error {
  constructor() {
    super("the signaling connection was lost");
    this.name = "ConnectionLost";
  }
}

export interface SignalingListener {
  /** An attempt begins. */
  connecting(): void;
  /** Every message, before the promise of `ask` that it answers. */
  heard(message: ServerMessage): void;
  /** The connection is gone; another attempt follows unless `stop` was called. */
  lost(): void;
}

interface Waiting {
  resolve(message: ServerMessage): void;
  reject(error: Error): void;
}

export class Signaling {
  readonly clock = new ServerClock();
  readonly #url: string;
  readonly #token: string;
  readonly #listener: SignalingListener;
  #socket: WebSocket | null = null;
  #waiting = new Map<RequestId, Waiting>();
  #lastId = 0;
  #attempt = 0;
  #stopped = true;
  #joined = false;
  /** The member that it was, and is again when the connection comes back (rule J6). */
  #member: MemberId | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pinging: ReturnType<typeof setTimeout> | undefined;
  #heardAt_ms = 0;

  constructor(url: string, token: string, listener: SignalingListener) {
    this.#url = url;
    this.#token = token;
    this.#listener = listener;
  }

  /** Whether something may be asked now. */
  get isJoined(): boolean {
    return this.#joined;
  }

  start(): void {
    this.#stopped = false;
    window.addEventListener("online", this.#retryNow);
    this.#connect();
  }

  /** Ends for good; says `leave` when the connection still stands, so that the others need not wait for a timeout. */
  stop(): void {
    this.#stopped = true;
    window.removeEventListener("online", this.#retryNow);
    clearTimeout(this.#retry);
    this.say({ type: "leave" });
    this.#drop()?.close();
  }

  /** Says something that needs no answer; without a connection it is lost. */
  say(message: ClientMessage, id?: RequestId): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify(id === undefined ? message : { ...message, id }));
  }

  /** Says something and waits for its answer. Rejects with `Refused` or `ConnectionLost`. */
  ask<T extends Question>(message: Say<T>): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      if (this.#socket?.readyState !== WebSocket.OPEN) {
        reject(new ConnectionLost());
        return;
      }
      const id = (this.#lastId = (this.#lastId + 1) % 0xffff_ffff);
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as Answer<T>), reject });
      this.say(message, id);
    });
  }

  #connect(): void {
    this.#listener.connecting();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heardAt_ms = performance.now();
    // A network that swallows everything must not hold an attempt for the browser's own two minutes.
    this.#pinging = setTimeout(() => this.#lost(), SILENCE_MS);
    socket.onopen = () => {
      const returns = this.#member === null ? {} : { returns: this.#member };
      this.ask({ type: "join", version: VERSION, token: this.#token, ...returns }).catch(() => undefined);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => this.#hear(event.data);
    socket.onclose = () => this.#lost();
  }

  #hear(data: unknown): void {
    this.#heardAt_ms = performance.now();
    const heard = decode(typeof data === "string" ? data : "");
    if (!("message" in heard)) return;
    const message = heard.message;
    if (message.type === "joined" || message.type === "waiting") {
      this.#attempt = 0;
      this.#joined = message.type === "joined";
      if (message.type === "joined") this.#member = message.you.id;
      clearTimeout(this.#pinging);
      this.#ping(0);
    }
    if (message.type === "ponged") this.clock.heard(message.at_ms, localNow_ms(), message.server_ms);
    this.#listener.heard(message);
    if (!("re" in message) || message.re === null) return;
    const waiting = this.#waiting.get(message.re);
    this.#waiting.delete(message.re);
    if (message.type === "refused") waiting?.reject(new Refused(message.code, message.message));
    else waiting?.resolve(message);
  }

  #ping(count: number): void {
    if (performance.now() - this.#heardAt_ms > SILENCE_MS) {
      this.#lost();
      return;
    }
    this.say({ type: "ping", at_ms: localNow_ms() });
    const wait_ms = count < FIRST_PINGS ? FIRST_PING_EVERY_MS : PING_EVERY_MS;
    this.#pinging = setTimeout(() => this.#ping(count + 1), wait_ms);
  }

  #lost(): void {
    this.#drop()?.close();
    if (this.#stopped) return;
    this.#listener.lost();
    const wait_ms = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)] ?? 0;
    this.#attempt += 1;
    // Spread, so that a hundred viewers of a restarted server do not come in the same millisecond.
    this.#retry = setTimeout(() => this.#connect(), wait_ms * (0.75 + Math.random() / 2));
  }

  readonly #retryNow = (): void => {
    if (this.#stopped || this.#socket !== null) return;
    clearTimeout(this.#retry);
    this.#connect();
  };

  /** Forgets the socket and everything that waited for it. */
  #drop(): WebSocket | null {
    clearTimeout(this.#pinging);
    this.#joined = false;
    const socket = this.#socket;
    this.#socket = null;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const each of waiting) each.reject(new ConnectionLost());
    return socket;
  }
}

/** Where the server that gave this page listens. */
export function signalingUrl(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
