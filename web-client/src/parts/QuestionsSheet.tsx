// The audience's questions: answered in text by the panel, shown to everybody by a lead.

import { Eye, EyeOff } from "lucide-react";
import type { Question } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { timeOfDay } from "../words.ts";
import { Sheet } from "./Sheet.tsx";
import { TextForm } from "./TextForm.tsx";

interface QuestionsSheetProps {
  readonly consultation: Consultation;
  readonly session: Session;
  readonly close: () => void;
}

export function QuestionsSheet({ consultation, session, close }: QuestionsSheetProps) {
  const { t, language } = useSpeech();
  // Those that wait come first, each in the order of asking.
  const waits = (question: Question) => question.answer === null && !question.on_air;
  const questions = [...session.questions].sort((a, b) => Number(waits(b)) - Number(waits(a)) || a.id - b.id);
  return (
    <Sheet name="questions" title={t("questions")} close={close}>
      <div className="sheet-body">
        {questions.length === 0 && <p className="sheet-empty">{t("questions.empty")}</p>}
        <ol className="sheet-cards">
          {questions.map((question) => (
            <li key={question.id} className="sheet-card" data-testid="question" data-question={question.id} data-on-air={question.on_air}>
              <p className="chat-head">
                <strong>{question.name}</strong>
                {question.on_air && <span className="chip" data-on-air="true"><Eye aria-hidden size={14} />{t("questions.on_air")}</span>}
                <time>{timeOfDay(language, new Date(question.at_ms))}</time>
              </p>
              <p className="chat-text">{question.text}</p>
              {question.answer !== null
                ? <p className="chat-text question-answer">{t("questions.answered", { text: question.answer })}</p>
                : (
                  <TextForm
                    label={t("questions.answer_label")} verb={t("questions.answer")} testId="answer"
                    send={(text) => consultation.request({ type: "answer_question", question: question.id, text })}
                  />
                )}
              {session.you?.role === "lead" && (
                <div className="sheet-verbs">
                  <button
                    className="button" type="button" data-testid="air-question" aria-pressed={question.on_air}
                    onClick={() => void consultation.request({ type: "air_question", question: question.id, on_air: !question.on_air })}
                  >
                    {question.on_air ? <EyeOff aria-hidden size={18} /> : <Eye aria-hidden size={18} />}
                    {t(question.on_air ? "questions.unair" : "questions.air")}
                  </button>
                </div>
              )}
            </li>
          ))}
        </ol>
      </div>
    </Sheet>
  );
}
