// An empty place on the surgeon's page: add a camera or a screen. With several cameras the choice opens in place.

import { Monitor, Video, X } from "lucide-react";
import { useState } from "react";
import { canShareScreen, type Device, listDevices } from "../devices.ts";
import { useSpeech } from "../language.tsx";
import type { Sources } from "./useSources.ts";
import "./AddSource.css";

export function AddSource({ sources }: { readonly sources: Sources }) {
  const { t } = useSpeech();
  const [cameras, setCameras] = useState<readonly Device[] | null>(null);

  const choose = async () => {
    const known = (await listDevices("videoinput")).filter((each) => each.label !== "");
    const inUse = new Set(sources.list.map((each) => each.track.getSettings().deviceId));
    // Before the first permission there are no names: the browser asks, with its own choice of cameras.
    if (known.length === 0 || (known.length === 1 && inUse.size === 0)) await sources.addCamera(null);
    else setCameras(known);
  };

  return (
    <li className="add-source" data-testid="add-source">
      {cameras === null
        ? (
          <>
            <p>{t("surgeon.empty")}</p>
            <AddVerbs sources={sources} onCamera={() => void choose()} />
          </>
        )
        : (
          <>
            <p>{t("surgeon.choose_camera")}</p>
            <ul className="add-cameras">
              {cameras.map((camera, index) => (
                <li key={camera.id}>
                  <button
                    className="button button-gloves" type="button" data-testid="camera"
                    onClick={() => {
                      setCameras(null);
                      void sources.addCamera(camera.id);
                    }}
                  >
                    <Video aria-hidden size={22} /><span>{camera.label || t("surgeon.camera_number", { number: index + 1 })}</span>
                  </button>
                </li>
              ))}
            </ul>
            <button className="button button-gloves button-plain" type="button" onClick={() => setCameras(null)}>
              <X aria-hidden size={22} />{t("surgeon.cancel")}
            </button>
          </>
        )}
    </li>
  );
}

interface AddVerbsProps {
  readonly sources: Sources;
  readonly onCamera?: () => void;
  /** The element that says why nothing can be added now. */
  readonly whyNot?: string;
}

export function AddVerbs({ sources, onCamera, whyNot }: AddVerbsProps) {
  const { t } = useSpeech();
  const shut = { disabled: whyNot !== undefined, "aria-describedby": whyNot };
  return (
    <div className="add-verbs">
      <button className="button button-gloves" type="button" data-testid="add-camera" {...shut} onClick={onCamera}>
        <Video aria-hidden size={22} />{t("surgeon.add_camera")}
      </button>
      {canShareScreen() && (
        <button className="button button-gloves" type="button" data-testid="add-screen" {...shut} onClick={() => void sources.addScreen()}>
          <Monitor aria-hidden size={22} />{t("surgeon.add_screen")}
        </button>
      )}
    </div>
  );
}
