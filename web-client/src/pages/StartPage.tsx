// Where somebody lands without a link: what this is, and a place for the link.

import { LogIn } from "lucide-react";
import { type SyntheticEvent, useState } from "react";
import { useSpeech } from "../language.tsx";
import { LanguageSwitch } from "../parts/RoomBar.tsx";
import { tokenIn } from "../token.ts";
import "./StartPage.css";

export function StartPage({ join }: { readonly join: (token: string) => void }) {
  const { t } = useSpeech();
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState(false);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const token = tokenIn(text);
    setWrong(token === null);
    if (token !== null) join(token);
  };
  return (
    <main className="plain" data-testid="start-page">
      <div className="plain-language"><LanguageSwitch /></div>
      <form className="plain-card" onSubmit={submit}>
        <h1>{t("start.title")}</h1>
        <p>{t("start.what")}</p>
        <label className="field">
          {t("start.paste")}
          <textarea
            data-testid="link" value={text} rows={3} spellCheck={false} autoComplete="off" aria-invalid={wrong} aria-describedby="wrong"
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <p id="wrong" className="plain-wrong" role="alert">{wrong && t("start.no_token")}</p>
        <button className="button button-main button-gloves" type="submit" data-testid="join" disabled={text.trim() === ""}>
          <LogIn aria-hidden size={20} />{t("start.join")}
        </button>
        <p className="plain-hint">{t("start.no_link")}</p>
      </form>
    </main>
  );
}
