// What the audience sees: on air now, and what it is to be next.

import { Eye, EyeOff, LayoutGrid } from "lucide-react";
import { useState } from "react";
import type { Feed, FeedId, Programme } from "../../../signaling/messages.ts";
import type { Consultation, Snapshot } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import { programmeChoice, programmeFeed, programmeName } from "../programme.ts";
import { inOrder, withoutReplaced } from "../slots.ts";
import { pictureName } from "./names.ts";
import { Picture } from "./Picture.tsx";
import type { Toasts } from "./useToasts.ts";

export interface ProgrammeFormProps {
  readonly consultation: Consultation;
  readonly snapshot: Snapshot;
  readonly toasts: Toasts;
  /** The slot in which this page has a feed already. */
  readonly slotOf: (feed: FeedId) => number | null;
}

export function ProgrammeForm({ consultation, snapshot, toasts, slotOf }: ProgrammeFormProps) {
  const speech = useSpeech();
  const { t } = speech;
  const { session } = snapshot;
  const { programme } = session;
  const shown = typeof programme === "object" ? programme.shown : null;
  const [withSpeaker, setWithSpeaker] = useState(shown?.with_speaker ?? false);
  const feeds = inOrder(withoutReplaced(session.feeds));
  const onAir = programmeFeed(programme, feeds);

  const show = async (next: Programme) => {
    const before = programme;
    const request = (what: Programme) => consultation.request({ type: "show_programme", programme: what });
    if (await request(next)) toasts.show(t("toast.programme", { what: programmeName(speech, next, feeds) }), () => void request(before));
  };
  const showFeed = (feed: Feed) => void show({ shown: { feed: programmeChoice(feed, feeds), with_speaker: withSpeaker } });
  const changeSpeaker = (on: boolean) => {
    setWithSpeaker(on);
    if (shown !== null) void show({ shown: { ...shown, with_speaker: on } });
  };
  return (
    <section data-testid="programme" data-programme={typeof programme === "string" ? programme : "shown"} data-feed={onAir?.id}>
      <h3>{t("programme")}</h3>
      <p>{t("programme.now")}: <strong data-testid="programme-name">{programmeName(speech, programme, feeds)}</strong></p>
      <Preview snapshot={snapshot} consultation={consultation} feed={onAir} slotOf={slotOf} />
      <div className="sheet-verbs desk-modes">
        <button className="button" type="button" data-testid="programme-dark" aria-pressed={programme === "dark"} onClick={() => void show("dark")}>
          <EyeOff aria-hidden size={18} />{t("programme.make_dark")}
        </button>
        <button className="button" type="button" data-testid="programme-open" aria-pressed={programme === "open"} onClick={() => void show("open")}>
          <LayoutGrid aria-hidden size={18} />{t("programme.make_open")}
        </button>
      </div>
      <label className="check">
        <input type="checkbox" checked={withSpeaker} data-testid="with-speaker" onChange={(event) => changeSpeaker(event.target.checked)} />
        {t("programme.with_speaker")}
      </label>
      <h3>{t("programme.feed")}</h3>
      <ul className="desk-feeds">
        {feeds.map((feed) => {
          const name = pictureName(speech, feed, session.members.find((member) => member.id === feed.member));
          return (
            <li key={feed.id}>
              <button
                className="button" type="button" data-testid="programme-feed" data-feed={feed.id} data-site={feed.site ?? undefined} data-kind={feed.kind}
                aria-pressed={feed.id === onAir?.id} title={name} onClick={() => showFeed(feed)}
              >
                {feed.id === onAir?.id && <Eye aria-label={t("programme.on_air")} size={18} />}<span>{name}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Preview({ snapshot: { session, downlink }, consultation, feed, slotOf }: {
  readonly snapshot: Snapshot; readonly consultation: Consultation; readonly feed: Feed | undefined; readonly slotOf: ProgrammeFormProps["slotOf"];
}) {
  const { t } = useSpeech();
  const slot = feed === undefined ? null : slotOf(feed.id);
  if (feed === undefined || slot === null) {
    const { programme } = session;
    return <p className="desk-preview desk-preview-none">{t(programme === "open" ? "programme.open" : programme === "dark" ? "programme.dark" : "programme.no_feed")}</p>;
  }
  return (
    <div className="desk-preview">
      <Picture
        stream={downlink.slots[slot]} feed={feed} publisher={session.members.find((member) => member.id === feed.member)} slot={slot} size="thumb"
        ages={consultation.ages} sizes={consultation.sizes} pending={session.slots[slot]?.feed !== feed.id} testId="preview"
      />
    </div>
  );
}
