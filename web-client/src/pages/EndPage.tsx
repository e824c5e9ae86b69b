// After leaving, being sent out, the end of the room, or before a door that stayed shut: what happened in plain words, and
// what to do.

import { CircleSlash, DoorOpen, Lock } from "lucide-react";
import { useSpeech } from "../language.tsx";
import { LanguageSwitch } from "../parts/RoomBar.tsx";
import type { Session } from "../session.ts";
import type { Word } from "../words.ts";
import "./StartPage.css";

interface EndPageProps {
  readonly session: Session;
  readonly again: () => void;
  readonly other: () => void;
}

export function EndPage({ session, again, other }: EndPageProps) {
  const { t } = useSpeech();
  const { doorRefusal: refusal, closed } = session;
  const [title, more] = wordsOf(session);
  const isLocked = refusal?.code === "room_locked";
  const isShut = refusal !== null || closed === "turned_away" || closed === "removed";
  const Sign = isLocked ? Lock : isShut ? CircleSlash : DoorOpen;
  // With a link that is refused nothing is won by trying it again; at a door that a person shuts, it may be.
  const useOther = refusal !== null && !isLocked;
  return (
    <main className="plain" data-testid="end-page" data-code={refusal?.code} data-reason={closed ?? undefined}>
      <div className="plain-language"><LanguageSwitch /></div>
      <div className="plain-card">
        <h1 className="plain-line"><Sign aria-hidden size={28} />{t(title)}</h1>
        <p role="alert" className="plain-more">{t(more)}</p>
        <div className="plain-verbs">
          <button className={`button button-gloves ${useOther ? "" : "button-main"}`} type="button" data-testid="join-again" onClick={again}>{t("end.again")}</button>
          <button className={`button button-gloves ${useOther ? "button-main" : ""}`} type="button" data-testid="other-link" onClick={other}>{t("end.other")}</button>
        </div>
      </div>
    </main>
  );
}

function wordsOf({ doorRefusal, closed }: Session): readonly [Word, Word] {
  if (doorRefusal !== null) return [doorRefusal.code === "room_locked" ? "end.locked" : "end.refused", `refusal.${doorRefusal.code}`];
  if (closed === "turned_away" || closed === "removed" || closed === "ended" || closed === "replaced") return [`end.${closed}`, `end.${closed}_more`];
  return ["end.left", "end.left_more"];
}
