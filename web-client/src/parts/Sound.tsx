// The voices of the others. Browsers hold sound back until the person has tapped once, unless the page records or is
// allowed to; that is found out by trying, and said.

import { type ReactNode, useCallback, useEffect, useRef, useState } from "react";

export interface Sound {
  /** True while the browser refuses to play. */
  readonly blocked: boolean;
  /** Tries again; to be called from a tap. */
  readonly start: () => void;
  /** The audio elements; to be placed anywhere on the page. */
  readonly elements: ReactNode;
}

export function useSound(voices: readonly MediaStream[]): Sound {
  const [blocked, setBlocked] = useState(false);
  const elements = useRef(new Map<string, HTMLAudioElement>());

  const play = useCallback((element: HTMLAudioElement) => {
    element.play().then(
      () => setBlocked(false),
      (error: unknown) => {
        if (error instanceof DOMException && error.name === "NotAllowedError") setBlocked(true);
      },
    );
  }, []);

  const start = useCallback(() => {
    for (const element of elements.current.values()) play(element);
  }, [play]);

  useEffect(() => {
    if (!blocked) return undefined;
    // Any tap or key will do, wherever it lands.
    window.addEventListener("pointerdown", start);
    window.addEventListener("keydown", start);
    return () => {
      window.removeEventListener("pointerdown", start);
      window.removeEventListener("keydown", start);
    };
  }, [blocked, start]);

  const attach = useCallback((stream: MediaStream) => (element: HTMLAudioElement | null) => {
    if (element === null) return undefined;
    elements.current.set(stream.id, element);
    element.srcObject = stream;
    play(element);
    return () => {
      elements.current.delete(stream.id);
      element.srcObject = null;
    };
  }, [play]);

  return {
    blocked, start,
    elements: (
      <div hidden data-testid="voices">
        {voices.map((stream, index) => <Voice key={stream.id} index={index} stream={stream} attach={attach} />)}
      </div>
    ),
  };
}

function Voice({ index, stream, attach }: {
  readonly index: number;
  readonly stream: MediaStream;
  readonly attach: (stream: MediaStream) => (element: HTMLAudioElement | null) => (() => void) | undefined;
}) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => attach(stream)(element.current), [stream, attach]);
  return <audio ref={element} autoPlay data-testid="voice" data-voice-slot={index} />;
}
