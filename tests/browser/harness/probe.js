// What a journey sees and hears inside a page. Runs before the page's own scripts, after strip.mjs and devices.js.

const connections = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...how) {
    super(...how);
    connections.push(this);
  }
};

// Large enough for the strip of a picture of 1080 lines.
const eye = Object.assign(document.createElement("canvas"), { width: 432, height: 72 }).getContext("2d", {
  willReadFrequently: true,
  alpha: false,
});

/** The mark of the picture that a video element shows now, or null. */
function readMark(video) {
  return video?.videoHeight ? readPicture(video, video.videoWidth, video.videoHeight) : null;
}

/** The mark of anything that can be drawn, or null. */
function readPicture(picture, of_width, of_height) {
  const { width, height } = stripSize(of_width, of_height);
  eye.drawImage(picture, 0, 0, width, height, 0, 0, width, height);
  return readStrip(eye.getImageData(0, 0, width, height), of_width, of_height);
}

/** The mean brightness in the middle of what a video element shows, 0 to 255. */
function brightness(video) {
  eye.drawImage(video, video.videoWidth / 2 - 8, video.videoHeight / 2 - 8, 16, 16, 0, 0, 16, 16);
  const { data } = eye.getImageData(0, 0, 16, 16);
  return data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (16 * 16 * 3);
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
  setShutter,
  toneTrack,
  tonesPublished: () => tones.map(({ track }) => track),
  readMark,
  readPicture,

  /** Offers what Chromium knows of frames but does not offer by itself: capture time and dependency descriptor. */
  offerExtensions(transceiver) {
    const extensions = transceiver.getHeaderExtensionsToNegotiate?.();
    for (const extension of extensions ?? []) {
      if (/\/abs-capture-time$|#dependency-descriptor-/.test(extension.uri)) extension.direction = "sendrecv";
    }
    if (extensions) transceiver.setHeaderExtensionsToNegotiate(extensions);
  },

  /** Sends a drawn camera in H.264, whose pictures stay as large as they are, and a tone; gives this end's description. */
  async offerCamera(peer, camera, tone_hz, sendEncodings = []) {
    const video = peer.addTransceiver(cameraTrack(camera), { direction: "sendonly", sendEncodings });
    peer.addTransceiver(toneTrack(tone_hz), { direction: "sendonly" });
    this.offerExtensions(video);
    const parameters = video.sender.getParameters();
    parameters.degradationPreference = "maintain-resolution";
    await video.sender.setParameters(parameters);
    const { codecs } = RTCRtpSender.getCapabilities("video");
    video.setCodecPreferences(codecs.filter((each) => /\/(H264|rtx)$/.test(each.mimeType)));
    return await this.gathered(peer);
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

  /** Plays by WHEP; gives the session's URL and how long the first picture took. */
  async play(endpoint, token, follow) {
    const begin_ms = performance.now();
    const peer = new RTCPeerConnection();
    const first = new Promise((resolve) => {
      peer.ontrack = ({ track }) => {
        const element = Object.assign(document.createElement(track.kind), { autoplay: true, srcObject: new MediaStream([track]) });
        document.body.append(element);
        if (track.kind !== "video") return;
        if (follow) probe.follow(element);
        element.requestVideoFrameCallback(() => resolve(performance.now() - begin_ms));
      };
    });
    this.offerExtensions(peer.addTransceiver("video", { direction: "recvonly" }));
    peer.addTransceiver("audio", { direction: "recvonly" });
    const session = await this.offer(peer, endpoint, token);
    return { session, first_picture_ms: await first };
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
        const [presented_ms, shown_ms] = [metadata.presentationTime, metadata.expectedDisplayTime].map((time) => performance.timeOrigin + time);
        rows.push({ ...metadata, at_ms, presented_ms, shown_ms, mark: readMark(video) });
        if (rows.length < count) video.requestVideoFrameCallback(next);
        else resolve(rows);
      };
      video.requestVideoFrameCallback(next);
    });
  },

  /**
   * So many flashes of a picture whose frames carry the time: the first white frame of each, as `frames` gives it.
   * `shown_ms` is when the browser expects it on the screen; what the screen takes after that is left out.
   */
  flashes(video, count) {
    return new Promise((resolve) => {
      const rows = [];
      let was_white = true;
      const look = (_now, metadata) => {
        const is_white = brightness(video) > 200;
        const mark = readMark(video);
        if (is_white && !was_white && mark) {
          const { receiveTime, expectedDisplayTime } = metadata;
          const [received_ms, shown_ms] = [receiveTime, expectedDisplayTime].map((time) => performance.timeOrigin + time);
          rows.push({ received_ms, shown_ms, mark });
        }
        was_white = is_white;
        if (rows.length < count) video.requestVideoFrameCallback(look);
        else resolve(rows);
      };
      video.requestVideoFrameCallback(look);
    });
  },

  /**
   * When so many beeps begin on a track, to the sample, in milliseconds since 1970: of a track that comes in, when the
   * sample is handed to the sound card; of one's own, when it is there to be sent.
   */
  async beeps(track, count) {
    const begun_ms = [];
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let silent_ms = 0;
    while (begun_ms.length < count) {
      const { value: sound, done } = await reader.read();
      if (done) throw new Error("the track is over");
      const samples = new Float32Array(sound.numberOfFrames);
      sound.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      const loud = samples.findIndex((sample) => Math.abs(sample) > 0.1);
      if (loud >= 0 && silent_ms > FLASH_EVERY_MS / 4) {
        begun_ms.push(performance.timeOrigin + (sound.timestamp + (loud * 1e6) / sound.sampleRate) / 1000);
      }
      silent_ms = loud >= 0 ? 0 : silent_ms + (sound.numberOfFrames * 1000) / sound.sampleRate;
      sound.close();
    }
    await reader.cancel();
    return begun_ms;
  },

  /** The track that carries the only voice, and what the browser counts of it. */
  async voice() {
    const row = (await this.inbound("audio")).find((row) => row.packetsReceived > 50);
    const tracks = connections.flatMap((connection) => connection.getReceivers()).map((receiver) => receiver.track);
    return { track: tracks.find((track) => track.id === row.trackIdentifier), row };
  },

  /**
   * Follows pictures of the web client over so many frames each: `frames` as they are shown, and `told`, each age that
   * the page writes on the picture, with the time when it does.
   */
  followAges(figures, count) {
    return Promise.all([...figures].map(async (figure) => {
      const told = [];
      const note = () => told.push({ at_ms: performance.timeOrigin + performance.now(), age_ms: Number(figure.dataset.ageMs), exact: figure.dataset.ageExact === "true" });
      const observer = new MutationObserver(note);
      observer.observe(figure, { attributeFilter: ["data-age-ms"] });
      const frames = await this.frames(figure.querySelector("video"), count);
      observer.disconnect();
      return { kind: figure.dataset.kind, frames, told };
    }));
  },

  /** Begins to note every presented frame of a video element and what the page says of it; `followed` gives the rows so far, `unfollow` ends it. */
  follow(video) {
    const rows = [];
    let on = true;
    const next = (_now, metadata) => {
      const at_ms = performance.timeOrigin + performance.now();
      const shown_ms = performance.timeOrigin + metadata.expectedDisplayTime;
      rows.push({ ...metadata, at_ms, shown_ms, mark: readMark(video), level: video.closest("figure")?.dataset.level });
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
  inbound(kind = "video") {
    return this.media("inbound-rtp", kind);
  },

  /** What all connections send, as the browser counts it: a row for each size. */
  outbound(kind = "video") {
    return this.media("outbound-rtp", kind);
  },

  async media(type, kind) {
    const rows = [];
    for (const connection of connections) {
      if (connection.connectionState === "closed") continue;
      const report = await connection.getStats();
      for (const row of report.values()) {
        if (row.type !== type || row.kind !== kind) continue;
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
