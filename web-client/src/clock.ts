// The offset between this machine's clock and the server's (rule C1).

interface Exchange {
  readonly offset_ms: number;
  readonly round_trip_ms: number;
}

/** Exchanges remembered: at one in three seconds, two minutes, so that a drifting clock is followed. */
const REMEMBERED = 40;

/** This machine's clock: milliseconds since 1970, never stepping back while the page lives. */
export function localNow_ms(): number {
  return performance.timeOrigin + performance.now();
}

/** Believes the exchange with the smallest round trip: the shorter the way, the less it can be lopsided. */
export class ServerClock {
  #exchanges: Exchange[] = [];

  heard(sent_ms: number, received_ms: number, server_ms: number): void {
    const round_trip_ms = received_ms - sent_ms;
    if (!(round_trip_ms >= 0)) return;
    this.#exchanges.push({ offset_ms: server_ms - (sent_ms + received_ms) / 2, round_trip_ms });
    if (this.#exchanges.length > REMEMBERED) this.#exchanges.shift();
  }

  /** Server's clock less this machine's; null before the first exchange. */
  get offset_ms(): number | null {
    return this.#best?.offset_ms ?? null;
  }

  get round_trip_ms(): number | null {
    return this.#exchanges.at(-1)?.round_trip_ms ?? null;
  }

  get #best(): Exchange | undefined {
    return this.#exchanges.reduce<Exchange | undefined>(
      (best, each) => (best === undefined || each.round_trip_ms < best.round_trip_ms ? each : best), undefined);
  }
}
