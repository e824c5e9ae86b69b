// What opens the sheets at the side, with the count of what is new in each.

import { ClipboardList, HelpCircle, MessageSquare, Users } from "lucide-react";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { deskCount } from "./DeskSheet.tsx";
import { useUnread } from "./useUnread.ts";
import "./SheetButtons.css";

export type SheetName = "people" | "chat" | "questions" | "desk";

const SIGNS = { people: Users, chat: MessageSquare, questions: HelpCircle, desk: ClipboardList } as const;

interface SheetButtonsProps {
  readonly session: Session;
  readonly open: SheetName | null;
  readonly choose: (sheet: SheetName | null) => void;
}

export function SheetButtons({ session, open, choose }: SheetButtonsProps) {
  const { t } = useSpeech();
  const unread = useUnread(session, open === "chat");
  const asked = session.questions.filter((question) => question.answer === null && !question.on_air).length;
  const desk = deskCount(session);
  const names: readonly SheetName[] = session.you?.role === "lead" ? ["people", "chat", "questions", "desk"] : ["people", "chat", "questions"];
  const news = {
    people: { count: 0, label: "" },
    chat: { count: unread, label: t("chat.unread", { count: unread }) },
    questions: { count: asked, label: t("questions.open", { count: asked }) },
    desk: { count: desk, label: t("desk.waits", { count: desk }) },
  };
  return (
    <div className="sheet-buttons">
      {names.map((name) => {
        const Sign = SIGNS[name];
        const { count, label } = news[name];
        return (
          <button
            key={name} className="button button-plain" type="button" data-testid={`show-${name}`} aria-expanded={open === name} aria-controls="sheet"
            title={t(name)} onClick={() => choose(open === name ? null : name)}
          >
            <Sign aria-hidden size={18} /><span className="sheet-word">{t(name)}</span>
            {count > 0 && <span className="badge" data-testid={`${name}-count`} aria-label={label}>{count}</span>}
          </button>
        );
      })}
    </div>
  );
}
