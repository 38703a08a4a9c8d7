package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/auth"
)

// TestStopping ends a server with an encoder, viewers of every protocol and a room client on it.
func TestStopping(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	https := freePorts(t, 1)[0]
	r := start(t, "--https", https)
	ctx, cancel := context.WithCancel(context.Background())
	encoderEnded := make(chan struct{})
	go func() {
		defer close(encoderEnded)
		_, _ = ffmpeg(t, ctx, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/show"})...)
	}()
	defer func() { cancel(); <-encoderEnded }()
	r.live("show")

	flvEnded := make(chan error, 1)
	resp, err := http.Get(r.url("/live/show.flv"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	go func() {
		_, err := io.Copy(io.Discard, resp.Body)
		flvEnded <- err
	}()
	// Over HTTP/2 a viewer is a request that the HTTP server waits for.
	overTLS := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer overTLS.CloseIdleConnections()
	second, err := overTLS.Get("https://" + https + "/live/show.flv")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Body.Close()
	if second.ProtoMajor != 2 {
		t.Fatalf("the viewer got HTTP/%d", second.ProtoMajor)
	}
	events, err := http.Get(r.url("/api/rooms/show/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	r.get("/live/show/index.m3u8")

	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, r.url("/whep/show"))

	token, err := r.keys.Mint(auth.Claims{Identity: "anna", Video: auth.Grant{Room: "show", RoomJoin: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 1)
	callback := lksdk.NewRoomCallback()
	callback.OnReconnecting = func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	callback.OnDisconnectedWithReason = func(lksdk.DisconnectionReason) {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	client, err := lksdk.ConnectToRoomWithToken("ws://"+r.HTTP, token, callback, lksdk.WithConnectTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect()
	if s := client.ConnectionState(); s != lksdk.ConnectionStateConnected {
		t.Fatalf("the room client is %v", s)
	}

	// Somebody who never sends the rest of a request.
	stalled, err := net.Dial("tcp", r.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	if _, err := fmt.Fprintf(stalled, "POST /api/rooms HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := stalled.Read(make([]byte, 64)); err != nil { // it is being served
		t.Fatal(err)
	}

	r.server.exitWithin = patience // what waits for the end of the time takes long
	began := time.Now()
	r.stop()
	if took := time.Since(began); took >= patience {
		t.Errorf("stopping took %v", took)
	}
	for what, ended := range map[string]<-chan struct{}{"the room client is told": told, "the encoder's connection ends": encoderEnded} {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("in vain: %s", what)
		}
	}
	select {
	case <-flvEnded:
	case <-time.After(patience):
		t.Error("the FLV viewer's connection does not end")
	}
}
