// From a token to the page of its role.

import { useCallback, useEffect, useState } from "react";
import { Consultation } from "./consultation.ts";
import { LanguageProvider, useSpeech } from "./language.tsx";
import { DisplayPage } from "./pages/DisplayPage.tsx";
import { EndPage } from "./pages/EndPage.tsx";
import { ExpertPage } from "./pages/ExpertPage.tsx";
import { JoiningPage } from "./pages/JoiningPage.tsx";
import { StartPage } from "./pages/StartPage.tsx";
import { SurgeonPage } from "./pages/SurgeonPage.tsx";
import { TraineePage } from "./pages/TraineePage.tsx";
import { WaitingPage } from "./pages/WaitingPage.tsx";
import { useSnapshot } from "./parts/useSnapshot.ts";
import { forgetToken, keepToken, preferredCodec, takeToken } from "./token.ts";

export function App({ first }: { readonly first: Consultation | null }) {
  const [consultation, setConsultation] = useState(first);

  const join = useCallback((token: string) => {
    keepToken(token);
    setConsultation(open(token));
  }, []);

  useEffect(() => {
    // A link pasted into the address bar of this very page changes the fragment only.
    const look = () => {
      if (!location.hash.includes("token=")) return;
      const token = takeToken();
      if (token === null) return;
      consultation?.leave();
      join(token);
    };
    // The others must not wait for a timeout to learn that this page is gone.
    const leave = () => consultation?.leave();
    const comeBack = (event: PageTransitionEvent) => {
      if (event.persisted) location.reload();
    };
    window.addEventListener("hashchange", look);
    window.addEventListener("pagehide", leave);
    window.addEventListener("pageshow", comeBack);
    return () => {
      window.removeEventListener("hashchange", look);
      window.removeEventListener("pagehide", leave);
      window.removeEventListener("pageshow", comeBack);
    };
  }, [consultation, join]);

  const other = useCallback(() => {
    forgetToken();
    setConsultation(null);
  }, []);
  const again = useCallback(() => {
    const token = takeToken();
    if (token !== null) join(token);
  }, [join]);

  return (
    <LanguageProvider>
      {consultation === null ? <StartPage join={join} /> : <Room consultation={consultation} again={again} other={other} />}
    </LanguageProvider>
  );
}

/** Opens the room of a token. */
export function open(token: string): Consultation {
  const consultation = new Consultation(token, preferredCodec());
  consultation.start();
  return consultation;
}

interface RoomProps {
  readonly consultation: Consultation;
  readonly again: () => void;
  readonly other: () => void;
}

function Room({ consultation, again, other }: RoomProps) {
  const { session } = useSnapshot(consultation);
  const { t } = useSpeech();
  if (session.line === "ended") return <EndPage session={session} again={again} other={other} />;
  if (session.line === "waiting") return <WaitingPage consultation={consultation} session={session} />;
  if (session.you === null) return <JoiningPage session={session} />;
  switch (session.you.role) {
    case "lead":
    case "expert":
      return <ExpertPage consultation={consultation} />;
    case "surgeon":
      return <SurgeonPage consultation={consultation} />;
    case "trainee":
      return <TraineePage consultation={consultation} />;
    case "display":
      return <DisplayPage consultation={consultation} />;
    case "device":
    case "service":
      return <main className="plain" data-testid="device-page"><p>{t("device.page")}</p></main>;
  }
}
