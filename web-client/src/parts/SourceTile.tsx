// One of the surgeon's four places: what it shows, what it is called, and whether it is sent.

import { CircleStop, Eye, EyeOff, Send, Trash2, TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import type { Feed, FeedKind } from "../../../signaling/messages.ts";
import { FEED_KINDS } from "../check.ts";
import { useSpeech } from "../language.tsx";
import type { Sending } from "../publishing.ts";
import { OwnPicture } from "./Picture.tsx";
import type { Sources, SourceState } from "./useSources.ts";
import "./SourceTile.css";

/** A label of the contract has at most 80 bytes; so many Chinese signs always fit. */
const LABEL_LENGTH = 26;

interface SourceTileProps {
  readonly source: SourceState;
  readonly sources: Sources;
  readonly site: string | null;
  readonly published: boolean;
  /** The server's view of it: a fault is for its publisher to mend. */
  readonly feed: Feed | undefined;
  /** The site has a place left: it may be published. */
  readonly hasPlace: boolean;
  readonly hold: (held: boolean) => void;
}

export function SourceTile({ source, sources, site, published, feed, hasPlace, hold }: SourceTileProps) {
  const { t } = useSpeech();
  const sending = sources.sending.get(source.key);
  const own = useMemo<Feed>(() => ({
    id: 0, member: 0, site, kind: source.kind, label: source.label, codec: null, muted: false, fault: feed?.fault ?? null,
  }), [site, source.kind, source.label, feed?.fault]);
  const held = feed?.muted === true;
  const state = source.lost ? "lost" : published ? "published" : source.wanted ? "publishing" : "ready";
  return (
    <li className="source" data-testid="source" data-source={source.key} data-state={state} data-held={held} data-kind={source.kind} data-feed={feed?.id}>
      <div className="source-picture"><OwnPicture stream={source.stream} feed={own} size="thumb" /></div>
      <div className="source-fields">
        <label className="field">
          {t("surgeon.kind")}
          <select
            data-testid="kind" value={source.kind} disabled={source.wanted}
            onChange={(event) => {
              const kind = FEED_KINDS.find((each) => each === event.target.value);
              if (kind !== undefined) sources.change(source.key, { kind });
            }}
          >
            {FEED_KINDS.map((kind: FeedKind) => <option key={kind} value={kind}>{t(`kind.${kind}`)}</option>)}
          </select>
        </label>
        <label className="field">
          {t("surgeon.label")}
          <input
            data-testid="label" value={source.label} maxLength={LABEL_LENGTH} disabled={source.wanted} placeholder={t("surgeon.label_hint")}
            onChange={(event) => sources.change(source.key, { label: event.target.value })}
          />
        </label>
      </div>
      <SendingLine state={state} sending={sending} held={held} />
      <div className="source-verbs">
        {published && (
          <button className="button button-gloves" type="button" data-testid="hold-feed" onClick={() => hold(!held)}>
            {held ? <Eye aria-hidden size={22} /> : <EyeOff aria-hidden size={22} />}{t(held ? "surgeon.let_feed" : "surgeon.hold_feed")}
          </button>
        )}
        {source.wanted
          ? (
            <button className="button button-gloves" type="button" data-testid="stop" onClick={() => void sources.stop(source.key)}>
              <CircleStop aria-hidden size={22} />{t("surgeon.stop")}
            </button>
          )
          : (
            <button className="button button-main button-gloves" type="button" data-testid="publish" disabled={source.lost || !hasPlace} onClick={() => void sources.publish(source)}>
              <Send aria-hidden size={22} />{t("surgeon.publish")}
            </button>
          )}
        <button
          className="button button-gloves source-remove" type="button" data-testid="remove" aria-label={t("surgeon.remove")} title={t("surgeon.remove")}
          onClick={() => void sources.remove(source.key)}
        >
          <Trash2 aria-hidden size={22} />
        </button>
      </div>
    </li>
  );
}

interface SendingLineProps {
  readonly state: "lost" | "published" | "publishing" | "ready";
  readonly sending: Sending | undefined;
  readonly held: boolean;
}

function SendingLine({ state, sending, held }: SendingLineProps) {
  const { t } = useSpeech();
  if (state === "lost") {
    return <p className="source-line source-warn" data-testid="sending"><TriangleAlert aria-hidden size={16} />{t("surgeon.lost")}</p>;
  }
  if (held) return <p className="source-line source-warn" data-testid="sending"><EyeOff aria-hidden size={16} />{t("surgeon.held_feed")}</p>;
  if (state === "ready") return <p className="source-line" data-testid="sending">{t("surgeon.not_sent")}</p>;
  if (state === "publishing" || sending === undefined || sending.width === 0) {
    return <p className="source-line" data-testid="sending">{t(state === "publishing" ? "surgeon.publishing" : "surgeon.sent")}</p>;
  }
  const limited = sending.limited_by === "cpu" || sending.limited_by === "bandwidth" ? sending.limited_by : null;
  return (
    <p className="source-line source-sent" data-testid="sending">
      <span className="source-on-air" aria-hidden />
      <span>
        {t("surgeon.sending", {
          width: sending.width, height: sending.height, fps: Math.round(sending.frames_per_second),
          mbps: (sending.bitrate_bps / 1_000_000).toFixed(1), codec: sending.codec,
        })}
      </span>
      {sending.is_enough && limited === null && <span className="source-note" data-testid="unwatched">{t("surgeon.unwatched")}</span>}
      {limited !== null && <span className="source-warn"><TriangleAlert aria-hidden size={16} />{t(`surgeon.limited_${limited}`)}</span>}
    </p>
  );
}
