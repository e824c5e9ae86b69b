// The camera and the microphone that a journey gives a page. Runs before the page's own scripts, after strip.mjs and
// `const devices = {camera, tone_hz}`.

/**
 * A camera of 30 frames a second whose every frame says which it is; with `clock`, its number is the time in ms; with
 * `flashes`, it turns white for a moment every half second, and whatever tone the page publishes is heard just then;
 * with `noisy`, an encoder needs all the rate that it has.
 */
function cameraTrack({ site = 0, kind = 0, width = 640, height = 360, clock = false, flashes = false, noisy = false }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { alpha: false });
  let count = 0;
  const draw = (now_ms) => {
    const frame = (clock ? now_ms : count) & 0xffff;
    count += 1;
    pen.fillStyle = flashes && isFlash(now_ms) ? "#fff" : `hsl(${(site * 120 + kind * 30) % 360} 60% 40%)`;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = "#ddd";
    pen.fillRect((count * 4) % width, height * 0.7, 40, 40);
    for (let speck = 0; noisy && speck < 400; speck++) {
      pen.fillStyle = `hsl(${Math.random() * 360} 60% 60%)`;
      pen.fillRect(Math.random() * width, height * (0.2 + 0.7 * Math.random()), 12, 12);
    }
    drawStrip(pen, height, { site, kind, frame });
  };
  if (flashes) beepAtFlashes = true;
  if (cameras.push(draw) === 1) setInterval(expose, 1000 / 30);
  draw(wallClock_ms());
  return canvas.captureStream(30).getVideoTracks()[0];
}

// One shutter for all cameras of a page: their pictures are of the same moments.
const cameras = [];
let beepAtFlashes = false;
let exposed_ms = 0;
let shutterIsOpen = true;
/** While it is closed no camera of the page gives a picture, so that after a moment none is under way. */
const setShutter = (isOpen) => (shutterIsOpen = isOpen);
function expose() {
  if (!shutterIsOpen) return;
  const now_ms = wallClock_ms();
  if (beepAtFlashes && isFlash(now_ms) && !isFlash(exposed_ms)) beep();
  for (const draw of cameras) draw(now_ms);
  exposed_ms = now_ms;
}

const FLASH_EVERY_MS = 500;
const FLASH_MS = 100;
const isFlash = (now_ms) => now_ms % FLASH_EVERY_MS < FLASH_MS;
const wallClock_ms = () => Math.round(performance.timeOrigin + performance.now());

let ears;
const audioContext = () => (ears ??= new AudioContext());

/** A microphone in front of one pure tone. */
function toneTrack(hz) {
  const oscillator = new OscillatorNode(audioContext(), { frequency: hz });
  const gain = new GainNode(audioContext(), { gain: 0.3 });
  const microphone = audioContext().createMediaStreamDestination();
  oscillator.connect(gain).connect(microphone);
  oscillator.start();
  tones.push({ gain: gain.gain, track: microphone.stream.getAudioTracks()[0] });
  return tones.at(-1).track;
}

const tones = [];

/** Lets every tone through for as long as a flash lasts; from then on there is silence between two flashes. */
function beep() {
  const now_s = audioContext().currentTime;
  for (const { gain } of tones) gain.setValueAtTime(0.3, now_s).setValueAtTime(0, now_s + FLASH_MS / 1000);
}

let opened = 0;
if (navigator.mediaDevices && (devices?.camera || devices?.tone_hz)) {
  const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  // Devices without names: a page then takes the one that it is given.
  navigator.mediaDevices.enumerateDevices = async () => [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted.video && devices.camera) {
      // The first camera that is opened shows the first of `kinds`, and so on.
      const { kinds, ...camera } = devices.camera;
      stream.addTrack(cameraTrack({ ...camera, kind: kinds[opened++ % kinds.length] }));
    }
    if (wanted.audio && devices.tone_hz) stream.addTrack(toneTrack(devices.tone_hz));
    const rest = { video: devices.camera ? false : wanted.video, audio: devices.tone_hz ? false : wanted.audio };
    if (rest.video || rest.audio) for (const track of (await native(rest)).getTracks()) stream.addTrack(track);
    return stream;
  };
}
