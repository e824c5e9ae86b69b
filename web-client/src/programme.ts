// What the audience sees, in the terms of this client's feeds. Pure.

import type { Feed, FeedChoice, Programme } from "../../signaling/messages.ts";
import type { Speech } from "./language.tsx";
import { siteName } from "./parts/names.ts";

/** The feed that a programme means, if it is here now. */
export function programmeFeed(programme: Programme, feeds: readonly Feed[]): Feed | undefined {
  if (typeof programme === "string") return undefined;
  const { feed: choice } = programme.shown;
  if ("feed" in choice) return feeds.find((feed) => feed.id === choice.feed);
  if ("programme" in choice) return undefined;
  const meant = feeds.filter((feed) => feed.site === choice.site && feed.kind === choice.kind);
  return meant.find((feed) => feed.fault !== "silent") ?? meant[0];
}

/** How a feed is chosen for the audience: as its site's of that kind, which outlives a publisher that comes back, where no other is. */
export function programmeChoice(feed: Feed, feeds: readonly Feed[]): FeedChoice {
  const { id, site, kind } = feed;
  const isOnly = feeds.every((other) => other.id === id || other.site !== site || other.kind !== kind);
  return site !== null && isOnly ? { site, kind } : { feed: id };
}

/** "Open: everybody chooses", "Dark: nothing", "site-a · Endoscope". */
export function programmeName(speech: Speech, programme: Programme, feeds: readonly Feed[]): string {
  if (typeof programme === "string") return speech.t(`programme.${programme}`);
  const { feed: choice } = programme.shown;
  const feed = programmeFeed(programme, feeds);
  const { site, kind } = feed ?? ("site" in choice ? choice : { site: null, kind: null });
  if (kind === null) return speech.t("programme.no_feed");
  return `${site === null ? speech.t("panel") : siteName(speech, site)} · ${speech.t(`kind.${kind}`)}`;
}
