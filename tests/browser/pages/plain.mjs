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
      probe.offerCaptureTime(video);
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
