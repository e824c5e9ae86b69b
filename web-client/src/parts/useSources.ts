// The surgeon's cameras and screens: up to four places, each empty, chosen, or published.

import { useCallback, useEffect, useRef, useState } from "react";
import type { FeedKind } from "../../../signaling/messages.ts";
import type { Consultation } from "../consultation.ts";
import { type DeviceTrouble, openCamera, openScreen, troubleOf } from "../devices.ts";
import type { Sending } from "../publishing.ts";
import { Refused } from "../signaling.ts";

export const PLACES = 4;
/** What a new source is taken for, by place, until the surgeon says otherwise. */
const FIRST_KINDS: readonly FeedKind[] = ["endoscope", "ultrasound", "ct", "room"];
const MEASURE_EVERY_MS = 1_000;

export interface SourceState {
  readonly key: string;
  readonly track: MediaStreamTrack;
  readonly stream: MediaStream;
  readonly kind: FeedKind;
  readonly label: string;
  /** Asked to be published; whether it is, the session says. */
  readonly wanted: boolean;
  readonly lost: boolean;
}

export interface SourceTrouble {
  readonly what: "camera" | "screen";
  readonly why: DeviceTrouble;
}

export interface Sources {
  readonly list: readonly SourceState[];
  readonly trouble: SourceTrouble | null;
  readonly sending: ReadonlyMap<string, Sending>;
  readonly troubleSeen: () => void;
  readonly addCamera: (device: string | null) => Promise<void>;
  readonly addScreen: () => Promise<void>;
  readonly change: (key: string, fields: Partial<Pick<SourceState, "kind" | "label">>) => void;
  readonly publish: (source: SourceState) => Promise<void>;
  readonly stop: (key: string) => Promise<void>;
  readonly remove: (key: string) => Promise<void>;
}

export function useSources(consultation: Consultation): Sources {
  const [list, setList] = useState<readonly SourceState[]>([]);
  const [trouble, setTrouble] = useState<SourceTrouble | null>(null);
  const serial = useRef(0);
  const tracks = useRef(new Set<MediaStreamTrack>());
  const sending = useSending(consultation, list.some((each) => each.wanted));

  const change = useCallback((key: string, fields: Partial<SourceState>) => {
    setList((before) => before.map((each) => (each.key === key ? { ...each, ...fields } : each)));
  }, []);

  const stop = useCallback(async (key: string) => {
    change(key, { wanted: false });
    await consultation.unpublish(key).catch(() => undefined);
  }, [consultation, change]);

  const add = useCallback(async (what: SourceTrouble["what"], open: () => Promise<MediaStreamTrack>) => {
    try {
      const track = await open();
      const key = `${what}-${(serial.current += 1)}`;
      tracks.current.add(track);
      track.onended = () => {
        change(key, { lost: true });
        void stop(key);
      };
      setTrouble(null);
      setList((before) => [...before, {
        key, track, stream: new MediaStream([track]), label: "", wanted: false, lost: false,
        kind: what === "screen" ? "screen" : nextKind(before),
      }]);
    } catch (error) {
      setTrouble({ what, why: troubleOf(error) });
    }
  }, [change, stop]);

  const publish = useCallback(async (source: SourceState) => {
    change(source.key, { wanted: true });
    try {
      await consultation.publish(source);
    } catch (error) {
      change(source.key, { wanted: false });
      if (!(error instanceof Refused)) throw error;
    }
  }, [consultation, change]);

  const remove = useCallback(async (key: string) => {
    await stop(key);
    setList((before) => before.filter((each) => {
      if (each.key === key) each.track.stop();
      return each.key !== key;
    }));
  }, [stop]);

  useEffect(() => {
    const opened = tracks.current;
    return () => {
      for (const track of opened) track.stop();
    };
  }, []);

  return {
    list, trouble, sending, change, publish, stop, remove,
    troubleSeen: useCallback(() => setTrouble(null), []),
    addCamera: useCallback((device: string | null) => add("camera", () => openCamera(device)), [add]),
    addScreen: useCallback(() => add("screen", openScreen), [add]),
  };
}

function nextKind(list: readonly SourceState[]): FeedKind {
  return FIRST_KINDS.find((kind) => !list.some((each) => each.kind === kind)) ?? "room";
}

const NOTHING: ReadonlyMap<string, Sending> = new Map();

function useSending(consultation: Consultation, active: boolean): ReadonlyMap<string, Sending> {
  const [sending, setSending] = useState(NOTHING);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(() => void consultation.publishing.measure().then(setSending), MEASURE_EVERY_MS);
    return () => clearInterval(timer);
  }, [consultation, active]);
  return active ? sending : NOTHING;
}
