// Cameras, screens and microphones of this machine.

/** Why a camera, screen or microphone could not be had. */
export type DeviceTrouble = "denied" | "none" | "busy" | "insecure" | "unknown";

export interface Device {
  readonly id: string;
  readonly label: string;
}

/** The devices of one kind; labels are empty until permission has been given once. */
export async function listDevices(kind: "videoinput" | "audioinput"): Promise<readonly Device[]> {
  const devices = (await media()?.enumerateDevices()) ?? [];
  return devices.filter((each) => each.kind === kind).map((each) => ({ id: each.deviceId, label: each.label }));
}

/** Opens a camera at the best of 1080p30; any camera when none is named. */
export async function openCamera(device: string | null): Promise<MediaStreamTrack> {
  const stream = await capture((devices) => devices.getUserMedia({
    video: {
      ...(device === null ? {} : { deviceId: { exact: device } }),
      width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 30 },
    },
  }));
  return first(stream.getVideoTracks(), "motion");
}

/** Phones have no screens to share. */
export function canShareScreen(): boolean {
  const devices = media();
  return devices !== undefined && "getDisplayMedia" in devices;
}

export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await capture((devices) => devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } } }));
  return first(stream.getVideoTracks(), "detail");
}

/** Opens the microphone with echo and noise taken out, for it hears the loudspeaker of the same room. */
export async function openMicrophone(device: string | null): Promise<MediaStreamTrack> {
  const stream = await capture((devices) => devices.getUserMedia({
    audio: {
      ...(device === null ? {} : { deviceId: { exact: device } }),
      echoCancellation: true, noiseSuppression: true, autoGainControl: true,
    },
  }));
  return first(stream.getAudioTracks(), "speech");
}

export function troubleOf(error: unknown): DeviceTrouble {
  if (!(error instanceof DOMException)) return "unknown";
  switch (error.name) {
    case "NotAllowedError": return "denied";
    case "NotFoundError":
    case "OverconstrainedError": return "none";
    case "NotReadableError":
    case "AbortError": return "busy";
    case "SecurityError":
    case "NotSupportedError": return "insecure";
    default: return "unknown";
  }
}

/** Absent on pages that came neither over TLS nor from this machine, whatever TypeScript says. */
function media(): MediaDevices | undefined {
  return "mediaDevices" in navigator ? navigator.mediaDevices : undefined;
}

function capture(open: (devices: MediaDevices) => Promise<MediaStream>): Promise<MediaStream> {
  const devices = media();
  if (devices === undefined) return Promise.reject(new DOMException("needs TLS", "NotSupportedError"));
  return open(devices);
}

function first(tracks: readonly MediaStreamTrack[], hint: string): MediaStreamTrack {
  const track = tracks[0];
  if (track === undefined) throw new DOMException("no track", "NotFoundError");
  track.contentHint = hint;
  return track;
}
