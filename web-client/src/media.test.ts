import { beforeEach, describe, expect, it, vi } from "vitest";
import { Peer } from "./media.ts";

/** As much of a browser's connection as the negotiation touches: node has none. */
class Connection {
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  closed = false;
  createOffer = () => Promise.resolve({ type: "offer", sdp: "offer" });
  setLocalDescription = (description: { sdp: string }) => {
    this.localDescription = description;
    return Promise.resolve();
  };
  setRemoteDescription = () => Promise.resolve();
  getTransceivers = () => [];
  close = () => {
    this.closed = true;
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", Connection);
});

describe("peer", () => {
  it("ends once, however often the server says disconnected", async () => {
    const died = vi.fn();
    const peer = new Peer(() => Promise.resolve("answer"), { changed: () => undefined, died });
    await peer.negotiate();
    peer.abandon();
    peer.abandon();
    expect(died).toHaveBeenCalledTimes(1);
  });

  it("outlives what the server still says of the connection before it", async () => {
    const died = vi.fn();
    let answer: (sdp: string) => void = () => undefined;
    const asked = vi.fn(() => new Promise<string>((resolve) => (answer = resolve)));
    const peer = new Peer(asked, { changed: () => undefined, died });
    const negotiated = peer.negotiate();
    await vi.waitFor(() => expect(asked).toHaveBeenCalled());
    peer.abandon();
    answer("answer");
    await negotiated;
    expect(died).not.toHaveBeenCalled();
    peer.abandon();
    expect(died).toHaveBeenCalledTimes(1);
  });
});
