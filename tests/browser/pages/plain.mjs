// A browser without the web client: WHIP and WHEP by plain fetch, as any third party's page would speak them.

/** Publishes a drawn camera, in one layer or in several, and a tone if one is named; gives the session's URL. */
export async function publishPlainly(page, { url, room, token, feed, codec, camera, tone_hz, layers }) {
  await page.goto(`${url}/healthz`);
  return await page.evaluate(
    async (endpoint, token, codec, camera, tone_hz, sendEncodings) => {
      const peer = new RTCPeerConnection();
      const video = peer.addTransceiver(probe.cameraTrack(camera), { direction: "sendonly", sendEncodings });
      /** Lets a layer go on, or stops it. */
      globalThis.setLayer = async (rid, active) => {
        const parameters = video.sender.getParameters();
        parameters.encodings.find((encoding) => encoding.rid === rid).active = active;
        await video.sender.setParameters(parameters);
      };
      if (tone_hz) peer.addTransceiver(probe.toneTrack(tone_hz), { direction: "sendonly" });
      probe.offerExtensions(video);
      const parameters = video.sender.getParameters();
      parameters.degradationPreference = "maintain-resolution"; // else the first seconds are smaller
      await video.sender.setParameters(parameters);
      const { codecs } = RTCRtpSender.getCapabilities("video");
      const wanted = codecs.filter((each) => each.mimeType === `video/${codec}` || each.mimeType === "video/rtx");
      video.setCodecPreferences(wanted);
      return await probe.offer(peer, endpoint, token);
    },
    `${url}/whip/${room}?feed=${feed}&label=${encodeURIComponent(codec)}`,
    token,
    codec,
    camera,
    tone_hz,
    layers ?? [],
  );
}

/**
 * Plays one site's feed and its voice; gives the session's URL and how long the first picture took. With `follow`, every
 * picture is noted from the first one on (see probe.js).
 */
export async function playPlainly(page, { url, follow = false, ...where }) {
  await page.goto(`${url}/healthz`);
  const [play] = await playAtOnce(page, { url, follow, ...where }, 1);
  return play;
}

/** So many viewers of one feed, all at the same time, in a page that is there already. */
export async function playAtOnce(page, { url, room, token, site, feed, follow = false }, count) {
  const endpoint = `${url}/whep/${room}?site=${site}&feed=${feed}`;
  return await page.evaluate(
    (endpoint, token, follow, count) => {
      document.body.replaceChildren();
      return Promise.all(Array.from({ length: count }, () => probe.play(endpoint, token, follow)));
    },
    endpoint,
    token,
    follow,
    count,
  );
}

/** Ends a session as its owner. */
export async function endSession(session, token) {
  const response = await fetch(session, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  return response.status;
}

/**
 * Restarts ICE on the page's newest connection (RFC 9725 section 4.3.3). Gives the local user fragment from before and
 * the new one, and how long the server took to answer.
 */
export async function restartIce(page, session, token) {
  return await page.evaluate(
    async (session, token) => {
      const peer = probe.connections.at(-1);
      const lines = (sdp, pattern) => sdp.split("\r\n").filter((line) => pattern.test(line));
      const ufrag = (sdp) => lines(sdp, /^a=ice-ufrag:/)[0].slice("a=ice-ufrag:".length);
      const before = ufrag(peer.localDescription.sdp);
      peer.restartIce();
      await peer.setLocalDescription();
      const begin_ms = performance.now();
      const offered = peer.localDescription.sdp;
      const body = [/^a=ice-ufrag:/, /^a=ice-pwd:/, /^m=/, /^a=mid:/].map((pattern) => `${lines(offered, pattern)[0]}\r\n`).join("");
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" };
      const response = await fetch(session, { method: "PATCH", headers, body });
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      const fragment = await response.text();
      // The answer of the beginning said again: the same in everything but ICE.
      const [name, password] = [/^a=ice-ufrag:/, /^a=ice-pwd:/].map((pattern) => lines(fragment, pattern)[0]);
      const candidates = lines(fragment, /^a=candidate:/).join("\r\n");
      const again = peer.currentRemoteDescription.sdp
        .replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "")
        .replace(/^a=ice-ufrag:.*$/gm, name)
        .replace(/^a=ice-pwd:.*$/gm, password)
        .replace(/^a=mid:.*$/m, (mid) => `${mid}\r\n${candidates}`);
      await peer.setRemoteDescription({ type: "answer", sdp: again });
      return { before, after: ufrag(offered), answered_ms: performance.now() - begin_ms };
    },
    session,
    token,
  );
}

/** What the page's newest connection counts of the pictures that it sends or receives. */
export async function pictureStats(page) {
  return await page.evaluate(async () => {
    const report = await probe.connections.at(-1).getStats();
    return [...report.values()].find((row) => /^(in|out)bound-rtp$/.test(row.type) && row.kind === "video");
  });
}

/** The pair that the page's newest connection sends and receives by: local protocol, address and user fragment, and what it has carried. */
export async function selectedPair(page) {
  return await page.evaluate(async () => {
    const report = await probe.connections.at(-1).getStats();
    const transport = [...report.values()].find((row) => row.type === "transport");
    const pair = report.get(transport?.selectedCandidatePairId);
    const local = report.get(pair?.localCandidateId);
    return local && { protocol: local.protocol, address: local.address, ufrag: local.usernameFragment, received: pair.packetsReceived, sent: pair.packetsSent };
  });
}

/**
 * Reads every picture that the page's newest connection decodes from now on, whether it is shown or not; `pictures`
 * gives how many there were, and the rows so far: when it came and its mark, null where the encoder blurred it.
 */
export async function readEvery(page) {
  await page.evaluate(() => {
    const { track } = probe.connections.at(-1).getReceivers().find((receiver) => receiver.track.kind === "video");
    const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: 100 }).readable.getReader();
    const rows = [];
    globalThis.pictures = () => rows;
    const read = async () => {
      for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
        rows.push({ at_ms: performance.timeOrigin + performance.now(), mark: probe.readPicture(value, value.displayWidth, value.displayHeight) });
        value.close();
      }
    };
    void read();
  });
  return { count: () => page.evaluate(() => pictures().length), rows: (from = 0) => page.evaluate((from) => pictures().slice(from), from) };
}
