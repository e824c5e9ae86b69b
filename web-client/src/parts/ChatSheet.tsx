// The panel's text: to itself, to a site, to everybody.

import { useState } from "react";
import type { SayTo } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import { sitesOf } from "../talk.ts";
import { ChatForm, ChatLines, sayToName } from "./Chat.tsx";
import { Sheet } from "./Sheet.tsx";

interface ChatSheetProps {
  readonly consultation: Consultation;
  readonly session: Session;
  readonly close: () => void;
}

export function ChatSheet({ consultation, session, close }: ChatSheetProps) {
  const speech = useSpeech();
  const { t } = speech;
  const choices: readonly SayTo[] = ["panel", ...sitesOf(session).map((site) => ({ site })), "everybody"];
  const [chosen, choose] = useState("\"panel\"");
  // What was meant for a site that is gone must not go to anybody else without being chosen anew.
  const to = choices.find((each) => JSON.stringify(each) === chosen) ?? "panel";
  return (
    <Sheet name="chat" title={t("chat")} close={close}>
      <ChatLines session={session} />
      <div className="chat-foot">
        <label className="field">
          {t("chat.to")}
          <select value={JSON.stringify(to)} data-testid="say-to" onChange={(event) => choose(event.target.value)}>
            {choices.map((each) => <option key={JSON.stringify(each)} value={JSON.stringify(each)}>{sayToName(speech, each)}</option>)}
          </select>
        </label>
        <ChatForm consultation={consultation} to={to} />
      </div>
    </Sheet>
  );
}
