// One of the site's four places that is not filled from this page: the picture, and who sends it.

import type { ReactNode } from "react";
import type { Member } from "../../../signaling/messages.ts";
import { useSpeech } from "../language.tsx";
import { senderName } from "./names.ts";
import "./SourceTile.css";

interface SiteFeedTileProps {
  readonly sender: Member | undefined;
  readonly muted: boolean;
  /** Nothing comes of it. */
  readonly silent: boolean;
  /** The picture. */
  readonly children: ReactNode;
}

export function SiteFeedTile({ sender, muted, silent, children }: SiteFeedTileProps) {
  const speech = useSpeech();
  return (
    <li className="source" data-testid="site-feed" data-state={silent ? "silent" : "published"} data-held={muted}>
      <div className="source-picture">{children}</div>
      <p className="source-line">
        {!muted && !silent && <span className="source-on-air" aria-hidden />}
        <span className="source-sent">{speech.t("surgeon.sent_by", { who: senderName(speech, sender) })}</span>
      </p>
    </li>
  );
}
