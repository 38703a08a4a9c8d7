package api

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
)

func TestHowParticipantsFareIsToldToThoseWhoDirectARoom(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"tea"}`, &made)
	enter := func(identity string) *studio.Participant {
		p, err := f.house.Enter("tea", room.Join{
			Identity: identity, Name: strings.ToUpper(identity), Permission: room.Permission{Publish: true, Subscribe: true},
			Program: room.Program{Door: "livekit", SDK: "js", Version: "2.23.0", Browser: "Firefox 153"},
		}, silent{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ada, grace := enter("ada"), enter("grace")
	if _, err := ada.PublishFrames(room.Publication{SID: "TR_1", Kind: media.Video, Source: room.Camera, Codec: media.H264}); err != nil {
		t.Fatal(err)
	}
	grace.Note(chronicle.Connected, "", "publisher udp host")
	grace.Leave(room.LeftTimeout)
	grace = enter("grace")
	grace.Leave(room.LeftByItself)

	const path = "/api/rooms/tea/participants"
	for who, want := range map[string]int{
		"": 401, "X-Tutti-Key: " + made.Keys.Guest: 403, "X-Tutti-Key: " + made.Keys.Host: 200,
		"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":"+testKeys.Secret)): 200,
	} {
		var headers []string
		if who != "" {
			headers = append(headers, who)
		}
		for _, at := range []string{path, path + "/ada"} {
			if resp := f.call("GET", at, "", nil, headers...); resp.StatusCode != want {
				t.Errorf("%q is answered %s at %s", who, resp.Status, at)
			}
		}
	}
	host := "X-Tutti-Key: " + made.Keys.Host
	var list struct{ Participants, Departed []participantSummary }
	f.call("GET", path, "", &list, host)
	if len(list.Participants) != 1 || list.Participants[0].Identity != "ada" || list.Participants[0].In.Tracks != 1 ||
		list.Participants[0].Client.Browser != "Firefox 153" {
		t.Errorf("there are %+v", list.Participants)
	}
	if len(list.Departed) != 1 || list.Departed[0].Identity != "grace" || list.Departed[0].LeftFor != "left" {
		t.Errorf("there were %+v", list.Departed)
	}
	var detail participantDetail
	f.call("GET", path+"/grace", "", &detail, host)
	var words []string
	for _, h := range detail.Timeline {
		words = append(words, strings.TrimSpace(h.What+" "+h.Detail))
	}
	if got := strings.Join(words, ", "); got != "joined livekit, connected publisher udp host, left timeout, joined livekit, left left" {
		t.Errorf("what happened to grace: %s", got)
	}
	if status, code := f.code("GET", path+"/linus", "", host); status != http.StatusNotFound || code != "not_found" {
		t.Errorf("somebody who never came: %d %s", status, code)
	}
	f.call("GET", path+"/ada", "", &detail, host)
	if len(detail.Tracks) != 1 || detail.Tracks[0].Source != "camera" || detail.Tracks[0].Codec != "h264" {
		t.Errorf("ada's tracks: %+v", detail.Tracks)
	}
}

func TestHealthAndStates(t *testing.T) {
	way := func(change func(*studio.Connection)) []studio.Connection {
		c := studio.Connection{Name: "subscriber", Connected: true, Transport: "udp", Candidate: "host", RTT: 20 * time.Millisecond, Receives: true}
		change(&c)
		return []studio.Connection{c}
	}
	same := func(*studio.Connection) {}
	sub := func(s sfu.SenderStats) []studio.SubscriptionDiagnosis {
		return []studio.SubscriptionDiagnosis{{SenderStats: s}}
	}
	for name, c := range map[string]struct {
		d                   studio.Diagnosis
		health, path, state string
	}{
		"not connected yet": {d: studio.Diagnosis{}},
		"well":              {studio.Diagnosis{Connections: way(same), Subscriptions: sub(sfu.SenderStats{Bitrate: 9})}, "good", "udp", "active"},
		"over a relay":      {studio.Diagnosis{Connections: way(func(c *studio.Connection) { c.Candidate = "relay" })}, "good", "relay", ""},
		"far away":          {studio.Diagnosis{Connections: way(func(c *studio.Connection) { c.RTT = 300 * time.Millisecond })}, "fair", "udp", ""},
		"loses much":        {studio.Diagnosis{Connections: way(func(c *studio.Connection) { c.Loss = 0.2 })}, "poor", "udp", ""},
		"a thin way":        {studio.Diagnosis{Connections: way(same), Subscriptions: sub(sfu.SenderStats{Limited: true})}, "fair", "udp", "limited"},
		"a thinner way":     {studio.Diagnosis{Connections: way(same), Subscriptions: sub(sfu.SenderStats{Limited: true, Suspended: true})}, "poor", "udp", "suspended"},
		"does not look":     {studio.Diagnosis{Connections: way(same), Subscriptions: sub(sfu.SenderStats{Limited: true, Paused: true})}, "good", "udp", "paused"},
		"sends badly": {studio.Diagnosis{Connections: way(same), Tracks: []studio.TrackDiagnosis{{Layers: []sfu.LayerStats{
			{Active: true, LossShare: 0.05}, {LossShare: 0.5}}}}}, "fair", "udp", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := detailOf(c.d, false)
			state := ""
			if len(d.Subscriptions) > 0 {
				state = d.Subscriptions[0].State
			}
			if d.Health != c.health || d.Path != c.path || state != c.state {
				t.Errorf("%s over %s, %s", d.Health, d.Path, state)
			}
		})
	}
}
