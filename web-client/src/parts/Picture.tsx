// One picture, and the truth about it on the picture itself: site, kind, label and age in the same corner everywhere
// (hazards H1 and H2). Nothing is ever drawn over that corner.

import { useCallback, useEffect, useRef } from "react";
import { TriangleAlert } from "lucide-react";
import type { Feed, Member, VacantReason } from "../../../signaling/messages.ts";
import type { Age } from "../age.ts";
import { ShownAges } from "../ages.ts";
import { type Speech, useSpeech } from "../language.tsx";
import { duration, timeOfDay } from "../words.ts";
import { pictureHead, pictureName } from "./names.ts";
import type { Sizes } from "../sizes.ts";
import { useAge } from "./useAge.ts";
import "./Picture.css";

export type PictureSize = "thumb" | "large" | "wall";

interface PictureProps {
  readonly stream: MediaStream | undefined;
  readonly feed: Feed | undefined;
  /** Who publishes it; named on pictures of the panel, which have no site. */
  readonly publisher: Member | undefined;
  readonly slot: number | null;
  readonly size: PictureSize;
  /** The slot does not carry this feed yet: what it still shows must not be seen under this feed's name. */
  readonly pending?: boolean;
  /** Why there is no feed. */
  readonly vacant?: VacantReason | null;
  /** It has taken the place of an earlier feed of the same name. */
  readonly replaces?: boolean;
  /** What to say instead when there is no feed. */
  readonly empty?: string;
  readonly ages: ShownAges;
  /** Where it is said how large the slot is drawn. */
  readonly sizes?: Sizes | undefined;
  readonly testId?: string;
}

/** Between this machine's camera and its screen there is no way; and no slot whose age would be told. */
const HERE = new ShownAges(() => 0);

export function Picture(props: PictureProps) {
  const { stream, feed, publisher, slot, size, pending = false, vacant = null, replaces = false, empty, ages, sizes, testId = "picture" } = props;
  const speech = useSpeech();
  const { t, language } = speech;
  const video = useRef<HTMLVideoElement>(null);
  const number = useRef<HTMLSpanElement>(null);
  const figure = useRef<HTMLElement>(null);

  useEffect(() => {
    const element = video.current;
    if (element === null || element.srcObject === (stream ?? null)) return;
    element.srcObject = stream ?? null;
    // A muted video may always play; `play` is asked for again by the browser when the element was not ready.
    if (stream !== undefined) element.play().catch(() => undefined);
  }, [stream]);

  useEffect(() => {
    const element = video.current;
    if (element === null || slot === null || sizes === undefined) return undefined;
    const who = {};
    const observer = new ResizeObserver(() => {
      const { clientWidth, clientHeight } = element;
      sizes.draw(slot, who, { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      sizes.draw(slot, who, null);
    };
  }, [slot, sizes]);

  const tell = useCallback((age: Age, quiet_ms: number) => {
    if (number.current === null || figure.current === null) return;
    number.current.textContent = ageText(speech, age, quiet_ms);
    figure.current.dataset["ageMs"] = age.age_ms === null ? "" : age.age_ms.toFixed(1);
    figure.current.dataset["ageExact"] = String(age.exact);
    if (slot !== null) ages.note(slot, age);
  }, [speech, slot, ages]);
  const age = useAge(video, stream, feed === undefined || pending ? null : String(feed.id), ages.way_ms, tell);

  const level = feed === undefined ? "vacant" : feed.muted ? "muted" : age.level;
  return (
    <figure
      ref={figure} className="picture" data-testid={testId} data-size={size} data-level={level}
      data-slot={slot ?? undefined} data-feed={feed?.id} data-site={feed?.site ?? undefined} data-kind={feed?.kind}
      data-label={feed?.label} data-vacant={vacant ?? undefined}
    >
      <video ref={video} muted autoPlay playsInline disablePictureInPicture aria-label={feed && pictureName(speech, feed, publisher)} />
      {feed === undefined
        ? <p className="picture-empty">{empty ?? t(`vacant.${vacant ?? "chosen"}`, { codec: "?" })}</p>
        : (
          <figcaption className="picture-tag">
            <span className="picture-what">{pictureHead(speech, feed, publisher)}</span>
            {feed.label !== "" && <span className="picture-label">{feed.label}</span>}
            <span ref={number} className="picture-age" data-testid="age" title={t("age.explain")} hidden={level === "waiting" || level === "muted"} />
            {level === "frozen" && age.since !== null && (
              <span className="picture-since">{t("age.frozen_since", { time: timeOfDay(language, age.since) })}</span>
            )}
            {level === "waiting" && (
              <span className="picture-waiting">
                {slot === null && stream === undefined ? t("picture.no_slot") : vacant === "no_common_codec" ? t("vacant.no_common_codec", { codec: feed.codec ?? "?" }) : t(vacant === "capacity" || vacant === "line" ? `vacant.${vacant}` : "age.waiting")}
              </span>
            )}
            {(vacant === "capacity" || vacant === "line") && level !== "waiting" && <span className="picture-waiting">{t(`vacant.${vacant}`)}</span>}
            {level === "muted" && <span className="picture-held">{t("feed.muted")}</span>}
            {replaces && (
              <span className="picture-replaces" data-testid="replaces">
                {t("picture.replaces")}<span className="picture-replaces-why"> ({t("picture.replaces_why")})</span>
              </span>
            )}
            {feed.fault !== null && (
              <span className="picture-fault" data-testid="fault">
                <TriangleAlert aria-hidden size="1em" />{t(`fault.${feed.fault}`)}
              </span>
            )}
          </figcaption>
        )}
    </figure>
  );
}

/** A picture of this machine's own camera or screen. */
export function OwnPicture({ stream, feed, size }: { readonly stream: MediaStream; readonly feed: Feed; readonly size: PictureSize }) {
  return <Picture stream={stream} feed={feed} publisher={undefined} slot={null} size={size} ages={HERE} testId="own-picture" />;
}

function ageText({ t }: Speech, age: Age, quiet_ms: number): string {
  if (age.age_ms === null) return "";
  if (age.level === "frozen") return t("age.frozen", { duration: duration(quiet_ms) });
  return t(age.exact ? "age.exact" : "age.least", { ms: Math.round(age.age_ms) });
}
