# A WHIP client (RFC 9725) of GStreamer's webrtcbin: whip.py URL SETUP, where SETUP is what the offer says of DTLS (actpass, passive or active).
import sys
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)
url, setup = sys.argv[1], sys.argv[2]
loop = GLib.MainLoop()
pipeline = Gst.parse_launch(
    "webrtcbin name=w bundle-policy=max-bundle "
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1"
    " ! x264enc tune=zerolatency key-int-max=30 speed-preset=ultrafast bframes=0 ! video/x-h264,profile=constrained-baseline"
    " ! rtph264pay config-interval=-1 aggregate-mode=zero-latency"
    " ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! w. "
    "audiotestsrc is-live=true ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay"
    " ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! w."
)
peer = pipeline.get_by_name("w")
posted = False


def offered(promise, *_):
    reply = promise.get_reply()  # the offer is a part of it, and ends with it
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())


def gathered(*_):
    global posted
    if posted or peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return
    posted = True
    offer = peer.get_property("local-description").sdp.as_text().replace("a=setup:actpass", "a=setup:" + setup)
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request) as response:
        _, sdp = GstSdp.SDPMessage.new_from_text(response.read().decode())
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
    peer.emit("set-remote-description", answer, Gst.Promise.new())


def failed(_, message):
    print(message.parse_error(), file=sys.stderr)
    loop.quit()


peer.connect("on-negotiation-needed", lambda w: w.emit("create-offer", None, Gst.Promise.new_with_change_func(offered)))
peer.connect("notify::ice-gathering-state", gathered)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", failed)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
