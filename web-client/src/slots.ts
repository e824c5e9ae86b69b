// Which feed goes into which slot: pure, so that pictures stay where they are while feeds come and go.

import type { Feed, FeedChoice, FeedId, FeedKind, SiteId } from "../../signaling/messages.ts";
import { FEED_KINDS } from "./check.ts";

/** What somebody chose to see large, in words that outlive a feed: a publisher that comes back gets a new number. */
export interface Chosen {
  readonly id: FeedId;
  readonly site: SiteId | null;
  readonly kind: FeedKind;
  readonly label: string;
}

export function chosenOf(feed: Feed): Chosen {
  return { id: feed.id, site: feed.site, kind: feed.kind, label: feed.label };
}

/** The feed that a choice means now: the very one, else the one that came in its place. */
export function findChosen(feeds: readonly Feed[], chosen: Chosen | null): Feed | undefined {
  if (chosen === null) return undefined;
  return feeds.find((feed) => feed.id === chosen.id && feed.site === chosen.site && feed.kind === chosen.kind)
    ?? feeds.find((feed) => feed.site === chosen.site && feed.kind === chosen.kind && feed.label === chosen.label);
}

/** True of a feed in whose favour another has lost its place: nobody has chosen that (hazard H2). */
export function replacesOther(feed: Feed, feeds: readonly Feed[]): boolean {
  return feeds.some((earlier) => earlier.fault === "silent" && earlier.id === feed.follows);
}

/**
 * The feeds that are worth a place: a publisher that was killed and is back is there twice until the server gives the first
 * up, half a minute later. Of the two, the one that has fallen silent goes at once, and stays away. The server says which is
 * which: another camera of the same name is none that takes its place, however alike they look from here.
 */
export function withoutReplaced(feeds: readonly Feed[]): readonly Feed[] {
  return feeds.filter((feed) => feed.fault !== "silent" || !feeds.some((later) => later.follows === feed.id));
}

/** Sites in order of name, the panel (null) last; within each, feeds in order of kind, then of arrival. */
export function bySite(feeds: readonly Feed[]): readonly (readonly [SiteId | null, readonly Feed[]])[] {
  const sites = new Map<SiteId | null, Feed[]>();
  for (const feed of feeds) sites.set(feed.site, [...(sites.get(feed.site) ?? []), feed]);
  const order = (feed: Feed) => FEED_KINDS.indexOf(feed.kind);
  return [...sites]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a.localeCompare(b)))
    .map(([site, list]) => [site, list.sort((a, b) => order(a) - order(b) || a.id - b.id)] as const);
}

/** The same order in one list: what the keys 1 to 9 choose from. */
export function inOrder(feeds: readonly Feed[]): readonly Feed[] {
  return bySite(feeds).flatMap(([, list]) => list);
}

/** Feeds to slots: who has a slot keeps it, newcomers take the free ones, in order. Where there are more feeds than
 * slots, the first in order have them: a site's picture does not wait for a face of the panel. */
export function allot(before: readonly (FeedId | null)[], feeds: readonly Feed[], count: number): readonly (FeedId | null)[] {
  const order = inOrder(feeds).slice(0, count).map((feed) => feed.id);
  const slots = Array.from({ length: count }, (_, slot) => order.find((id) => id === before[slot]) ?? null);
  for (const id of order) if (!slots.includes(id)) slots[slots.indexOf(null)] = id;
  return slots;
}

/** What a display shows of its site: the endoscope; where there is none, the first kind that there is. */
export function choiceOfSite(feeds: readonly Feed[], site: SiteId | null): FeedChoice | null {
  if (site === null) return null;
  const kind = FEED_KINDS.find((each) => feeds.some((feed) => feed.site === site && feed.kind === each));
  return { site, kind: kind ?? "endoscope" };
}
