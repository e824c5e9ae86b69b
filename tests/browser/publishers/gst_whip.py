#!/usr/bin/python3
"""A stock GStreamer capture program: x264enc and opusenc into webrtcbin, offered by WHIP.

Debian's GStreamer has no whipclientsink, but that is a wrapper around webrtcbin. Nothing is changed about webrtcbin:
it makes an RSA certificate, as it does everywhere. Raw I420 pictures come on standard input.
"""

import argparse
import signal
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
fdsrc fd=0 ! rawvideoparse format=i420 width={width} height={height} framerate={fps}/1 ! clocksync ! queue
  ! x264enc {tune} speed-preset=ultrafast bitrate=1000 key-int-max={gop_frames} bframes={b_frames}
  ! video/x-h264,profile={profile} ! rtph264pay config-interval=-1 aggregate-mode=zero-latency
  ! application/x-rtp,media=video,encoding-name=H264,payload=102 ! peer.
audiotestsrc is-live=true wave=sine freq={tone_hz} ! audioconvert ! opusenc ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
"""


def say(line: str) -> None:
    """Writes a whole line at once: webrtcbin calls back on several threads, and `print` writes in pieces."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Publisher:
    """One WHIP session."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.session: str | None = None
        self.failure = False
        self.loop = GLib.MainLoop()
        # B-frames need the Main profile, and `zerolatency` would turn them off.
        tune, profile = ("", "main") if options.b_frames else ("tune=zerolatency", "constrained-baseline")
        self.pipeline = Gst.parse_launch(PIPELINE.format(tune=tune, profile=profile, **vars(options)))
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        self.peer.connect("notify::connection-state", self.changed)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.failed)

    def run(self) -> None:
        """Publishes until asked to end."""
        self.pipeline.set_state(Gst.State.PLAYING)
        for number in (signal.SIGTERM, signal.SIGINT):
            GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, self.loop.quit)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        if self.session:
            self.request("DELETE", self.session)

    def negotiate(self, peer: Gst.Element) -> None:
        """Makes the offer; it is sent when all candidates are in it."""
        for index in range(2):
            transceiver = peer.emit("get-transceiver", index)
            transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise: Gst.Promise) -> None:
        """Gives webrtcbin its own offer back, which starts the gathering."""
        reply = promise.get_reply()  # must outlive the offer, which is a part of it
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, peer: Gst.Element, _property: object) -> None:
        """Sends the offer."""
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.publish)

    def publish(self) -> bool:
        """POST, and the answer into webrtcbin."""
        offer = self.peer.get_property("local-description").sdp.as_text()
        if self.options.setup == "passive":
            # webrtcbin offers actpass and takes the role that the answer leaves to it.
            offer = offer.replace("a=setup:actpass", "a=setup:passive")
        try:
            answer = self.request("POST", self.options.endpoint, offer)
        except urllib.error.HTTPError as error:
            self.end(f"{error}: {error.read().decode()}")
            return False
        _, message = GstSdp.SDPMessage.new_from_text(answer)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", description, Gst.Promise.new())
        say("answered " + " ".join(line for line in answer.split() if line.startswith("a=setup")))
        return False

    def request(self, method: str, url: str, body: str = "") -> str:
        """One HTTP request of WHIP."""
        request = urllib.request.Request(url, body.encode() or None, method=method)
        request.add_header("Authorization", f"Bearer {self.options.token}")
        request.add_header("Content-Type", "application/sdp")
        with urllib.request.urlopen(request) as response:
            location = response.headers.get("Location")
            if location:
                self.session = urllib.parse.urljoin(url, location)
            return response.read().decode()

    def changed(self, peer: Gst.Element, _property: object) -> None:
        """Says how the connection is."""
        say(f"connection {peer.get_property('connection-state').value_nick}")

    def failed(self, _bus: Gst.Bus, message: Gst.Message) -> None:
        """Ends, and says why."""
        self.end(message.parse_error().err)

    def end(self, trouble: object) -> None:
        """Ends, and says why."""
        say(f"error {trouble}")
        self.failure = True
        self.loop.quit()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("endpoint")
    arguments.add_argument("--token", required=True)
    arguments.add_argument("--setup", choices=["actpass", "passive"], default="actpass")
    arguments.add_argument("--width", type=int, required=True)
    arguments.add_argument("--height", type=int, required=True)
    arguments.add_argument("--fps", type=int, required=True)
    arguments.add_argument("--gop-frames", type=int, default=300)
    arguments.add_argument("--b-frames", type=int, default=0)
    arguments.add_argument("--tone-hz", type=int, default=440)
    Gst.init(None)
    publisher = Publisher(arguments.parse_args())
    publisher.run()
    sys.exit(publisher.failure)


if __name__ == "__main__":
    main()
