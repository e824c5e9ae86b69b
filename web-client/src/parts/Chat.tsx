// What was said in text, the newest below, and a line to say something.

import { useEffect, useRef } from "react";
import type { Said, SayTo } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { type Speech, useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { timeOfDay } from "../words.ts";
import { siteName } from "./names.ts";
import { TextForm } from "./TextForm.tsx";
import "./Chat.css";

/** "Panel alone", "site-a and panel", "Everybody". */
export function sayToName(speech: Speech, to: SayTo): string {
  if (typeof to === "object") return speech.t("chat.to.site", { site: siteName(speech, to.site) });
  return speech.t(`chat.to.${to}`);
}

export function ChatLines({ session }: { readonly session: Session }) {
  const speech = useSpeech();
  const { t } = speech;
  const list = useRef<HTMLOListElement>(null);
  const last = session.said.at(-1)?.number;
  useEffect(() => {
    // The list alone: the page around it stays where it is.
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  if (session.said.length === 0) return <p className="sheet-empty chat-lines">{t("chat.empty")}</p>;
  return (
    <ol ref={list} className="chat-lines" data-testid="chat-lines" aria-live="polite" tabIndex={0} aria-label={t("chat")}>
      {session.said.map((said) => <Line key={said.number} said={said} own={said.member === session.you?.id} speech={speech} />)}
    </ol>
  );
}

function Line({ said, own, speech }: { readonly said: Said; readonly own: boolean; readonly speech: Speech }) {
  return (
    <li className="chat-line" data-testid="chat-line" data-own={own} data-to={typeof said.to === "object" ? said.to.site : said.to}>
      <p className="chat-head">
        <strong>{said.name.trim() || speech.t("members")}</strong>
        <span>→ {sayToName(speech, said.to)}</span>
        <time>{timeOfDay(speech.language, new Date(said.at_ms))}</time>
      </p>
      <p className="chat-text">{said.text}</p>
    </li>
  );
}

export function ChatForm({ consultation, to, gloves = false }: {
  readonly consultation: Consultation; readonly to: SayTo; readonly gloves?: boolean;
}) {
  const { t } = useSpeech();
  return (
    <TextForm
      label={t("chat.text")} verb={t("chat.say")} testId="say" gloves={gloves}
      send={(text) => consultation.request({ type: "say", to, text })}
    />
  );
}
