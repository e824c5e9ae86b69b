// What people, sites and feeds are called on every page: from what the server bound, never from the viewer (hazard H2).

import type { Feed, Member } from "../../../signaling/messages.ts";
import type { Speech } from "../language.tsx";

type Say = Pick<Speech, "t">;

/** A heading for a site; not "Site site-b" where the name says it already. */
export function siteName({ t }: Say, site: string): string {
  return /^site/i.test(site) ? site : t("site", { site });
}

/** A member's name; one whose token has none is called what it is: "Capture box, Site A". */
export function memberName(speech: Say, member: Member): string {
  const name = member.name.trim();
  if (name !== "") return name;
  const role = speech.t(`role.${member.role}`);
  return member.site === null ? role : speech.t("member.nameless", { role, site: siteName(speech, member.site) });
}

/** "Dr. Example Three (Site A)", for lines that name several members. */
export function memberOfSite(speech: Say, member: Member): string {
  if (member.site === null) return memberName(speech, member);
  const name = member.name.trim() || speech.t(`role.${member.role}`);
  return speech.t("member.of_site", { name, site: siteName(speech, member.site) });
}

/** "B · Endoscope", or for the panel "Panel · Dr. Example One · Screen". */
export function pictureHead(speech: Say, feed: Feed, publisher: Member | undefined): string {
  const { t } = speech;
  const kind = t(`kind.${feed.kind}`);
  if (feed.site !== null) return `${feed.site} · ${kind}`;
  return publisher === undefined ? `${t("panel")} · ${kind}` : `${t("picture.panel", { name: memberName(speech, publisher) })} · ${kind}`;
}

/** The same with the publisher's own label. */
export function pictureName(speech: Say, feed: Feed, publisher: Member | undefined): string {
  return `${pictureHead(speech, feed, publisher)} ${feed.label}`.trim();
}

/** Who fills a site's places: "3 sent by the capture box, 1 from this page". */
export function sentBy(speech: Say, senders: readonly (Member | undefined)[], here: number): string {
  const counts = new Map<string, number>();
  for (const sender of senders) {
    const who = senderName(speech, sender);
    counts.set(who, (counts.get(who) ?? 0) + 1);
  }
  const parts = [...counts].map(([who, count]) => speech.t("surgeon.sent_count", { count, who }));
  if (here > 0) parts.push(speech.t("surgeon.here_count", { count: here }));
  return parts.join(speech.t("list.comma"));
}

/** A capture box is called so, whatever its token says; people by their names. */
export function senderName(speech: Say, sender: Member | undefined): string {
  if (sender === undefined || sender.role === "device") return speech.t("surgeon.capture_box");
  return memberName(speech, sender);
}
