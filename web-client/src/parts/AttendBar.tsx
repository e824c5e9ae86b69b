// Which sites I attend, where I am on air, and whom my voice is for: a tap or a key each.

import { Circle, CircleCheck, Radio } from "lucide-react";
import type { Direction } from "../../../signaling/messages.ts";
import type { Snapshot } from "../consultation.ts";
import { ATTEND_KEYS, DIRECT_KEYS } from "../keys.ts";
import { useSpeech } from "../language.tsx";
import { airedAt } from "../talk.ts";
import { siteName } from "./names.ts";
import type { Attending } from "./useAttending.ts";
import "./AttendBar.css";

const DIRECTIONS: readonly Direction[] = ["attended", "all", "panel"];

export function AttendBar({ attending, snapshot }: { readonly attending: Attending; readonly snapshot: Snapshot }) {
  const speech = useSpeech();
  const { t } = speech;
  const you = snapshot.session.you;
  const aired = snapshot.heard && you !== null ? airedAt(you, attending.sites) : [];
  return (
    <div className="attend-bar">
      <div className="attend-sites" role="group" aria-label={t("attend")}>
        {attending.sites.length === 0 && <p className="attend-none">{t("attend.none")}</p>}
        {attending.sites.map((site, place) => {
          const [attended, onAir] = [attending.attends.includes(site), aired.includes(site)];
          const key = ATTEND_KEYS[place];
          const name = siteName(speech, site);
          const Icon = onAir ? Radio : attended ? CircleCheck : Circle;
          const title = key === undefined ? t(attended ? "attend.leave" : "attend.site", { site: name })
            : t(attended ? "attend.leave_key" : "attend.site_key", { site: name, key: key.toUpperCase() });
          return (
            <button
              key={site} className="button button-gloves attend-site" type="button" data-testid="attend" data-site={site} data-on-air={onAir}
              aria-pressed={attended} title={title} onClick={() => attending.toggle(site)}
            >
              <Icon aria-hidden size={22} />
              <span className="attend-words">
                <span className="attend-name">{name}</span>
                <span className="attend-state">{t(onAir ? "attend.on_air" : attended ? "attend.attended" : "attend.not")}</span>
              </span>
              {key !== undefined && <kbd aria-hidden>{key.toUpperCase()}</kbd>}
            </button>
          );
        })}
      </div>
      <div className="direct" role="radiogroup" aria-label={t("direct")}>
        {DIRECTIONS.map((to) => {
          const key = DIRECT_KEYS[to].toUpperCase();
          return (
            <button
              key={to} className="button button-gloves" type="button" role="radio" data-testid="direct" data-to={to}
              aria-checked={attending.direction === to} title={t("direct.key", { to: t(`direct.${to}`), key })} onClick={() => attending.direct(to)}
            >
              {t(`direct.${to}`)}<kbd aria-hidden>{key}</kbd>
            </button>
          );
        })}
      </div>
    </div>
  );
}
