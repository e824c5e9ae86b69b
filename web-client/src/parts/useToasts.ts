// What was just done, with a way back where there is one; gone by itself after a while.

import { useCallback, useEffect, useRef, useState } from "react";

const SHOWN_MS = 8_000;
const SHOWN_AT_ONCE = 2;

export interface Toast {
  readonly serial: number;
  readonly text: string;
  /** Takes it back. */
  readonly undo: (() => void) | undefined;
}

export interface Toasts {
  readonly list: readonly Toast[];
  readonly show: (text: string, undo?: () => void) => void;
  readonly close: (serial: number) => void;
}

export function useToasts(): Toasts {
  const [list, setList] = useState<readonly Toast[]>([]);
  const last = useRef(0);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  const close = useCallback((serial: number) => setList((before) => before.filter((each) => each.serial !== serial)), []);
  const show = useCallback((text: string, undo?: () => void) => {
    const serial = (last.current += 1);
    setList((before) => [...before, { serial, text, undo }].slice(-SHOWN_AT_ONCE));
    timers.current.add(setTimeout(() => close(serial), SHOWN_MS));
  }, [close]);
  useEffect(() => {
    const started = timers.current;
    return () => started.forEach(clearTimeout);
  }, []);
  return { list, show, close };
}
