// A browser without the web client: WHIP and WHEP by plain fetch, as any third party's page would speak them.

/** Publishes a drawn camera, in one layer or in several, and a tone; gives the session's URL. */
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
      peer.addTransceiver(probe.toneTrack(tone_hz), { direction: "sendonly" });
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

/** Plays one site's feed and its voice; gives the session's URL and how long the first picture took. */
export async function playPlainly(page, { url, room, token, site, feed }) {
  await page.goto(`${url}/healthz`);
  return await page.evaluate(
    async (endpoint, token) => {
      document.body.replaceChildren();
      const begin_ms = performance.now();
      const peer = new RTCPeerConnection();
      const first = new Promise((resolve) => {
        peer.ontrack = ({ track }) => {
          const element = Object.assign(document.createElement(track.kind), { autoplay: true, srcObject: new MediaStream([track]) });
          document.body.append(element);
          if (track.kind === "video") element.requestVideoFrameCallback(() => resolve(performance.now() - begin_ms));
        };
      });
      probe.offerCaptureTime(peer.addTransceiver("video", { direction: "recvonly" }));
      peer.addTransceiver("audio", { direction: "recvonly" });
      const session = await probe.offer(peer, endpoint, token);
      return { session, first_picture_ms: await first };
    },
    `${url}/whep/${room}?site=${site}&feed=${feed}`,
    token,
  );
}

/** Ends a session as its owner. */
export async function endSession(session, token) {
  const response = await fetch(session, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  return response.status;
}
