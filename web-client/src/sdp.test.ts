import { expect, it } from "vitest";
import { startFaster } from "./sdp.ts";

it("guesses a line for video codecs only, with and without parameters of their own", () => {
  const answer = [
    "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1",
    "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rtpmap:98 VP8/90000", "a=rtcp-fb:98 nack", "",
  ].join("\r\n");
  expect(startFaster(answer).split("\r\n")).toEqual([
    "v=0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10",
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;x-google-start-bitrate=2000",
    "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=rtpmap:98 VP8/90000", "a=fmtp:98 x-google-start-bitrate=2000", "a=rtcp-fb:98 nack", "",
  ]);
});
