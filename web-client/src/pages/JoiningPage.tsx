// Between the link and the room: usually too short to be seen.

import { CloudOff, LoaderCircle } from "lucide-react";
import { useEffect, useState } from "react";
import { useSpeech } from "../language.tsx";
import type { Session } from "../session.ts";
import "./JoiningPage.css";
import "./StartPage.css";

/** A server on a LAN answers within a tenth of this. */
const PATIENCE_MS = 1_500;

export function JoiningPage({ session }: { readonly session: Session }) {
  const { t } = useSpeech();
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  const refusal = session.doorRefusal;
  return (
    <main className="plain" data-testid="joining-page">
      <div className="plain-card" role="status">
        <p className="plain-line"><LoaderCircle className="joining-turn" aria-hidden size={24} />{t("joining")}</p>
        {(late || refusal !== null) && (
          <p className="plain-line plain-trouble" data-testid="no-answer">
            <CloudOff aria-hidden size={24} />
            {refusal !== null ? t(`refusal.${refusal.code}`) : t(navigator.onLine ? "joining.again" : "banner.offline")}
          </p>
        )}
      </div>
    </main>
  );
}
