// What a journey sees and hears inside a page, and the devices that it gives the page. Runs before the page's own
// scripts, after strip.mjs and `const devices = {camera, tone_hz}`.

const connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...how) {
    super(...how);
    connections.push(this);
  }
};

/** A camera of 30 frames a second whose every frame says which it is; with `clock`, its number is the time in ms. */
function cameraTrack({ site = 0, kind = 0, width = 640, height = 360, clock = false }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { alpha: false });
  let count = 0;
  const draw = () => {
    const frame = (clock ? Math.round(performance.timeOrigin + performance.now()) : count++) & 0xffff;
    pen.fillStyle = `hsl(${(site * 120 + kind * 30) % 360} 60% 40%)`;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = "#ddd";
    pen.fillRect((count * 4) % width, height / 2, 40, 40);
    drawStrip(pen, height, { site, kind, frame });
  };
  draw();
  setInterval(draw, 1000 / 30);
  return canvas.captureStream(30).getVideoTracks()[0];
}

let ears;
const audioContext = () => (ears ??= new AudioContext());

/** A microphone in front of one pure tone. */
function toneTrack(hz) {
  const oscillator = new OscillatorNode(audioContext(), { frequency: hz });
  const gain = new GainNode(audioContext(), { gain: 0.3 });
  const microphone = audioContext().createMediaStreamDestination();
  oscillator.connect(gain).connect(microphone);
  oscillator.start();
  return microphone.stream.getAudioTracks()[0];
}

let cameras = 0;
if (navigator.mediaDevices && (devices?.camera || devices?.tone_hz)) {
  const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  // Devices without names: a page then takes the one that it is given.
  navigator.mediaDevices.enumerateDevices = async () => [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = new MediaStream();
    if (wanted.video && devices.camera) {
      // The first camera that is opened shows the first of `kinds`, and so on.
      const { site, kinds } = devices.camera;
      stream.addTrack(cameraTrack({ site, kind: kinds[cameras++ % kinds.length] }));
    }
    if (wanted.audio && devices.tone_hz) stream.addTrack(toneTrack(devices.tone_hz));
    const rest = { video: devices.camera ? false : wanted.video, audio: devices.tone_hz ? false : wanted.audio };
    if (rest.video || rest.audio) for (const track of (await native(rest)).getTracks()) stream.addTrack(track);
    return stream;
  };
}

// Large enough for the strip of a picture of 1080 lines.
const eye = Object.assign(document.createElement("canvas"), { width: 432, height: 72 }).getContext("2d", {
  willReadFrequently: true,
  alpha: false,
});

/** The mark of the picture that a video element shows now, or null. */
function readMark(video) {
  if (!video?.videoHeight) return null;
  const { width, height } = stripSize(video.videoWidth, video.videoHeight);
  eye.drawImage(video, 0, 0, width, height, 0, 0, width, height);
  return readStrip(eye.getImageData(0, 0, width, height), video.videoWidth, video.videoHeight);
}

/** The level of one frequency in what a track carries now, and the loudest frequency. */
const listeners = new Map();
async function listen(track) {
  if (!listeners.has(track)) {
    const context = audioContext();
    await context.resume();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    listeners.set(track, analyser);
  }
  const analyser = listeners.get(track);
  const levels_db = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels_db);
  const hz_per_bin = analyser.context.sampleRate / analyser.fftSize;
  return { levels_db, hz_per_bin };
}

window.probe = {
  connections,
  cameraTrack,
  toneTrack,
  readMark,

  /** Asks for the capture time of frames, which Chromium knows but does not offer by itself. */
  offerCaptureTime(transceiver) {
    const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
    for (const extension of extensions ?? []) {
      if (extension.uri.endsWith("/abs-capture-time")) extension.direction = "sendrecv";
    }
    if (extensions) transceiver.setHeaderExtensionsToNegotiate(extensions);
  },

  /** Describes this end of a direct call, all candidates in it. */
  async gathered(peer) {
    await peer.setLocalDescription();
    if (peer.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && resolve();
      });
    }
    return peer.localDescription.toJSON();
  },

  /** Offers a connection by WHIP or WHEP; gives the session's URL. */
  async offer(peer, endpoint, token) {
    await peer.setLocalDescription();
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" };
    // Sent before any candidate is known: the server finds the browser by its first packet.
    const response = await fetch(endpoint, { method: "POST", headers, body: peer.localDescription.sdp });
    if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    return new URL(response.headers.get("Location"), endpoint).href;
  },

  /** Everything that shows a picture: its element, by the nearest `data-testid`, and its mark. */
  pictures() {
    return [...document.querySelectorAll("video")]
      .filter((video) => video.videoHeight)
      .map((video) => ({
        within: video.closest("[data-testid]")?.dataset.testid,
        text: video.closest("[data-testid]")?.innerText,
        size: [video.videoWidth, video.videoHeight],
        mark: readMark(video),
      }));
  },

  /** The mean colour in the middle of each quadrant of a picture: top left, top right, bottom left, bottom right. */
  quadrants(video) {
    const { videoWidth: width, videoHeight: height } = video;
    return [0, 1, 2, 3].map((quadrant) => {
      const [x, y] = [(0.25 + (quadrant % 2) / 2) * width, (quadrant < 2 ? 0.25 : 0.75) * height];
      eye.drawImage(video, x - 20, y - 10, 40, 20, 0, 0, 40, 20);
      const { data } = eye.getImageData(0, 0, 40, 20);
      return [0, 1, 2].map((channel) => {
        let sum = 0;
        for (let at = channel; at < data.length; at += 4) sum += data[at];
        return Math.round(sum / (data.length / 4));
      });
    });
  },

  /** Begins to count, twice a second, how far every picture with a feed has come; `counted` gives the rows so far. */
  async count() {
    const rows = [...document.querySelectorAll("figure[data-feed]")].map((figure) => {
      const { site, kind, size, feed } = figure.dataset;
      return { figure, video: figure.querySelector("video"), site, kind, size, feed, frames: 0, wrong: [], marks: [] };
    });
    const look = () => {
      for (const row of rows) {
        const mark = readMark(row.video);
        const before = row.marks.at(-1);
        if (!mark || row.figure.dataset.feed !== row.feed) {
          row.wrong.push({ mark, feed: row.figure.dataset.feed });
          continue;
        }
        row.marks.push(mark);
        row.end_ms = performance.now();
        row.begin_ms ??= row.end_ms;
        if (before) row.frames += framesSince(before, mark);
      }
    };
    const decoded = async () => new Map((await this.inbound()).map((row) => [row.trackIdentifier, row]));
    const first = await decoded();
    look();
    setInterval(look, 500);
    this.counted = async () => {
      const last = await decoded();
      return rows.map(({ figure: _, video, begin_ms, end_ms, ...row }) => {
        const [from, to] = [first, last].map((rows) => rows.get(video.srcObject.getVideoTracks()[0].id));
        const decoded_fps = ((to.framesDecoded - from.framesDecoded) / (to.timestamp - from.timestamp)) * 1000;
        return { ...row, seconds: (end_ms - begin_ms) / 1000, decoded_fps };
      });
    };
  },

  /** Joins by hand, says one message and gives the answer to it. */
  reply(token, message) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${location.host}/ws`);
      socket.onopen = () => socket.send(JSON.stringify({ type: "join", id: 1, version: 1, token }));
      socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
      socket.onmessage = ({ data }) => {
        const answer = JSON.parse(data);
        if (answer.type === "joined") socket.send(JSON.stringify({ id: 2, ...message }));
        if (answer.re !== 2) return;
        resolve(answer);
        socket.close();
      };
    });
  },

  /** Joins by hand and gives the first message that `wanted`, the source of a function, accepts. */
  message(token, wanted) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${location.host}/ws`);
      const accepts = new Function("message", `return ${wanted}`);
      socket.onopen = () => socket.send(JSON.stringify({ type: "join", id: 1, version: 1, token }));
      socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (!accepts(message)) return;
        resolve(message);
        socket.close();
      };
    });
  },

  /**
   * The frames of one video element as they come: its marks, until `enough` says so.
   * Resolves with one row per presented frame: when, what, and the metadata of requestVideoFrameCallback.
   */
  frames(video, count) {
    return new Promise((resolve) => {
      const rows = [];
      const next = (_now, metadata) => {
        const at_ms = performance.timeOrigin + performance.now();
        rows.push({ ...metadata, at_ms, mark: readMark(video) });
        if (rows.length < count) video.requestVideoFrameCallback(next);
        else resolve(rows);
      };
      video.requestVideoFrameCallback(next);
    });
  },

  /** Begins to note every presented frame of a video element; `followed` gives the rows so far, `unfollow` ends it. */
  follow(video) {
    const rows = [];
    let on = true;
    const next = () => {
      rows.push({ at_ms: performance.now(), mark: readMark(video) });
      if (on) video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    this.followed = () => rows;
    this.unfollow = () => (on = false);
  },

  /** Every tone above `floor_db` that the page plays: for each audible remote track its loudest frequencies. */
  async tones(floor_db = -60) {
    const heard = [];
    for (const element of document.querySelectorAll("audio, video")) {
      if (element.paused || element.muted || element.volume === 0 || !(element.srcObject instanceof MediaStream)) continue;
      for (const track of element.srcObject.getAudioTracks()) {
        const { levels_db, hz_per_bin } = await listen(track);
        const peaks = [];
        for (let bin = 2; bin < levels_db.length - 2; bin++) {
          const level_db = levels_db[bin];
          const around = [levels_db[bin - 2], levels_db[bin - 1], levels_db[bin + 1], levels_db[bin + 2]];
          if (level_db > floor_db && around.every((other) => level_db >= other)) peaks.push({ hz: bin * hz_per_bin, level_db });
        }
        heard.push({ track: track.id, peaks: peaks.sort((a, b) => b.level_db - a.level_db).slice(0, 12) });
      }
    }
    return heard;
  },

  /** The inbound media of all connections, as the browser counts it. */
  async inbound(kind = "video") {
    const rows = [];
    for (const connection of connections) {
      if (connection.connectionState === "closed") continue;
      const report = await connection.getStats();
      for (const row of report.values()) {
        if (row.type !== "inbound-rtp" || row.kind !== kind) continue;
        rows.push({ ...row, codec: report.get(row.codecId)?.mimeType });
      }
    }
    return rows;
  },

  /** How each connection that carries media reaches the server: "udp" or "tcp". */
  async transports() {
    const protocols = [];
    for (const connection of connections) {
      if (connection.connectionState === "closed") continue;
      const report = await connection.getStats();
      for (const transport of report.values()) {
        if (transport.type !== "transport" && transport.type !== "candidate-pair") continue;
        const pair = transport.type === "transport" ? report.get(transport.selectedCandidatePairId) : transport.selected && transport;
        const local = pair && report.get(pair.localCandidateId);
        if (local) protocols.push(local.protocol);
      }
    }
    return protocols;
  },
};
