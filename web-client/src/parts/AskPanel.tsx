// What a trainee asks, what others' questions are on air, and what the panel says to everybody.

import { Eye } from "lucide-react";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { ChatLines } from "./Chat.tsx";
import { TextForm } from "./TextForm.tsx";
import "./PeopleSheet.css";
import "./Sheet.css";

export function AskPanel({ consultation, session }: { readonly consultation: Consultation; readonly session: Session }) {
  const { t } = useSpeech();
  const questions = [...session.questions].sort((a, b) => Number(b.on_air) - Number(a.on_air) || b.id - a.id);
  return (
    <section className="ask-panel" aria-label={t("ask")}>
      <h2>{t("ask")}</h2>
      <TextForm label={t("ask.text")} verb={t("ask.send")} testId="ask" gloves send={(text) => consultation.request({ type: "ask", text })} />
      <ul className="sheet-cards" aria-live="polite">
        {questions.map((question) => (
          <li key={question.id} className="sheet-card" data-testid="question" data-question={question.id} data-on-air={question.on_air}>
            <p className="chat-head">
              {question.member === session.you?.id && <strong>{t("ask.own")}</strong>}
              {question.on_air && <span className="chip" data-on-air="true"><Eye aria-hidden size={14} />{t("questions.on_air")}</span>}
            </p>
            <p className="chat-text">{question.text}</p>
            <p className={question.answer === null ? "member-role" : "chat-text question-answer"}>
              {question.answer === null ? t("questions.waits") : t("questions.answered", { text: question.answer })}
            </p>
          </li>
        ))}
      </ul>
      {session.said.length > 0 && (
        <>
          <h2>{t("chat")}</h2>
          <ChatLines session={session} />
        </>
      )}
    </section>
  );
}
