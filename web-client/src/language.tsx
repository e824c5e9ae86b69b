// The language of the page: the browser's, until somebody switches it; kept for the next visit.

import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";
import { defaultLanguage, type Language, LANGUAGES, say, type Word } from "./words.ts";

const KEY = "consilium.language";

export interface Speech {
  readonly language: Language;
  readonly t: (word: Word, places?: Readonly<Record<string, string | number>>) => string;
  readonly choose: (language: Language) => void;
}

const Context = createContext<Speech | null>(null);

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState(remembered);
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  }, [language]);
  const speech = useMemo<Speech>(() => ({
    language,
    t: (word, places) => say(language, word, places),
    choose: (next) => {
      localStorage.setItem(KEY, next);
      setLanguage(next);
    },
  }), [language]);
  return <Context value={speech}>{children}</Context>;
}

export function useSpeech(): Speech {
  const speech = useContext(Context);
  if (speech === null) throw new Error("useSpeech outside of LanguageProvider");
  return speech;
}

function remembered(): Language {
  const kept = localStorage.getItem(KEY);
  return LANGUAGES.find((each) => each === kept) ?? defaultLanguage();
}
