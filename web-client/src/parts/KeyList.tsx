// The keys of this page, in the side column: never over a picture.

import { KEYS } from "../keys.ts";
import { useSpeech } from "../language.tsx";
import "./KeyList.css";

export function KeyList() {
  const { t } = useSpeech();
  return (
    <section className="keys" id="keys" data-testid="keys">
      <h2>{t("keys")}</h2>
      <dl>
        {KEYS.map(({ keys, does }) => (
          <div key={does}>
            <dt>{keys.map((key) => (key === "…" ? key : typeof key === "string" ? <kbd key={key}>{key}</kbd> : <kbd key={key.word}>{t(key.word)}</kbd>))}</dt>
            <dd>{t(does)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
