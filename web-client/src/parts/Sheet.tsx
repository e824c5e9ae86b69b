// A sheet at the side of the pictures: it takes a column of its own and never lies over one.

import { X } from "lucide-react";
import type { ReactNode } from "react";
import { useSpeech } from "../language.tsx";
import "./Sheet.css";

interface SheetProps {
  readonly name: string;
  readonly title: string;
  readonly close: () => void;
  readonly children: ReactNode;
}

export function Sheet({ name, title, close, children }: SheetProps) {
  const { t } = useSpeech();
  return (
    <aside className="sheet" id="sheet" data-testid={`sheet-${name}`} aria-labelledby="sheet-title">
      <header className="sheet-head">
        <h2 id="sheet-title">{title}</h2>
        <button className="button button-plain" type="button" data-testid="close-sheet" aria-label={t("sheet.close")} title={t("sheet.close")} onClick={close}>
          <X aria-hidden size={20} />
        </button>
      </header>
      {children}
    </aside>
  );
}
