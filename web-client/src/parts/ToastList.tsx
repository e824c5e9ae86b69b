// The toasts, in the line of the notices: never over a picture.

import { CircleCheck, Undo2 } from "lucide-react";
import { useSpeech } from "../language.tsx";
import { Notice } from "./Notices.tsx";
import type { Toasts } from "./useToasts.ts";

export function ToastList({ toasts }: { readonly toasts: Toasts }) {
  const { t } = useSpeech();
  return toasts.list.map(({ serial, text, undo }) => (
    <Notice key={serial} level="information" testId="toast" icon={<CircleCheck aria-hidden size={20} />} close={() => toasts.close(serial)}>
      <span>{text}</span>
      {undo !== undefined && (
        <button
          className="button" type="button" data-testid="undo"
          onClick={() => {
            undo();
            toasts.close(serial);
          }}
        >
          <Undo2 aria-hidden size={18} />{t("undo")}
        </button>
      )}
    </Notice>
  ));
}
