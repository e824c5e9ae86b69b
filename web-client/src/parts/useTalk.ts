// Push to talk and the open microphone. The microphone is asked for when it is first wanted, and stays published but
// held back, so that the next word is heard from its first syllable.

import { useCallback, useEffect, useRef, useState } from "react";
import type { Consultation, Snapshot } from "../consultation.ts";
import { type DeviceTrouble, openMicrophone, troubleOf } from "../devices.ts";
import { Refused } from "../signaling.ts";

export interface Talk {
  readonly talking: boolean;
  readonly heard: boolean;
  readonly open: boolean;
  readonly ready: boolean;
  readonly trouble: DeviceTrouble | null;
  readonly hold: (held: boolean) => void;
  readonly setOpen: (open: boolean) => void;
  readonly troubleSeen: () => void;
}

export function useTalk(consultation: Consultation, snapshot: Snapshot): Talk {
  const [open, setOpenState] = useState(false);
  const [trouble, setTrouble] = useState<DeviceTrouble | null>(null);
  const wanted = useRef({ held: false, open: false, asking: false });
  const ready = snapshot.microphone !== null;

  const apply = useCallback(() => {
    const want = wanted.current;
    const talking = want.held || want.open;
    if (consultation.snapshot().microphone !== null) {
      consultation.talk(talking);
      return;
    }
    if (!talking || want.asking) return;
    want.asking = true;
    openMicrophone(null)
      .then((track) => consultation.setMicrophone(track, want.held || want.open))
      .then(() => setTrouble(null), (error: unknown) => {
        want.open = want.held = false;
        setOpenState(false);
        // A refusal of the server's is shown with the others.
        if (!(error instanceof Refused)) setTrouble(troubleOf(error));
      })
      .finally(() => {
        want.asking = false;
        if (consultation.snapshot().microphone !== null) consultation.talk(want.held || want.open);
      });
  }, [consultation]);

  const hold = useCallback((held: boolean) => {
    if (wanted.current.held === held) return;
    wanted.current.held = held;
    apply();
  }, [apply]);

  const setOpen = useCallback((next: boolean) => {
    wanted.current.open = next;
    setOpenState(next);
    apply();
  }, [apply]);

  useTalkKey(hold);
  const troubleSeen = useCallback(() => setTrouble(null), []);
  return { talking: snapshot.talking, heard: snapshot.heard, open, ready, trouble, hold, setOpen, troubleSeen };
}

/** Space talks while it is down, except in a text field and on a control that was reached by keyboard. */
function useTalkKey(hold: (held: boolean) => void): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (event.code !== "Space" || takesSpace(event.target)) return;
      event.preventDefault();
      if (!event.repeat) hold(true);
    };
    const up = (event: KeyboardEvent) => {
      if (event.code === "Space") hold(false);
    };
    // Whoever turns to another window does not expect to be heard any longer.
    const release = () => hold(false);
    // A button that was clicked must not take the next Space for itself.
    const click = (event: MouseEvent) => {
      if (event.detail > 0 && document.activeElement instanceof HTMLButtonElement) document.activeElement.blur();
    };
    window.addEventListener("keydown", down);
    window.addEventListener("keyup", up);
    window.addEventListener("blur", release);
    window.addEventListener("click", click);
    return () => {
      window.removeEventListener("keydown", down);
      window.removeEventListener("keyup", up);
      window.removeEventListener("blur", release);
      window.removeEventListener("click", click);
    };
  }, [hold]);
}

function takesSpace(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  const control = target.closest("button, input, select, textarea, [role=switch]");
  if (control === null || control.matches("[data-talk]")) return false;
  return control.matches("input, select, textarea") || control.matches(":focus-visible");
}
