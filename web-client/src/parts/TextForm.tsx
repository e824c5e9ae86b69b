// One line to write in and a button that sends it; Enter sends, Shift+Enter begins a new line.

import { SendHorizontal } from "lucide-react";
import { useState } from "react";

interface TextFormProps {
  readonly label: string;
  readonly verb: string;
  readonly testId: string;
  /** For a glove. */
  readonly gloves?: boolean;
  /** Gives whether it was taken; only then the line is emptied. */
  readonly send: (text: string) => Promise<boolean>;
}

/** What the server takes, in bytes of UTF-8; of Chinese a third as many letters. */
const MOST_LETTERS = 1_300;

export function TextForm({ label, verb, testId, gloves = false, send }: TextFormProps) {
  const [text, setText] = useState("");
  const submit = async () => {
    const said = text.trim();
    if (said !== "" && await send(said)) setText((now) => (now.trim() === said ? "" : now));
  };
  return (
    <form
      className="line-form" data-testid={testId}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <label className="field">
        {label}
        <textarea
          rows={1} value={text} maxLength={MOST_LETTERS} data-testid={`${testId}-text`} onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            // Enter that ends the writing of a Chinese word is none of ours.
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            void submit();
          }}
        />
      </label>
      <button className={`button ${gloves ? "button-gloves" : ""}`} type="submit" data-testid={`${testId}-send`} disabled={text.trim() === ""}>
        <SendHorizontal aria-hidden size={18} />{verb}
      </button>
    </form>
  );
}
