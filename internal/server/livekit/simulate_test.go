package livekit

import (
	"net/netip"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/rtc"
)

func (c *wire) simulate(scenario *pb.SimulateScenario) {
	c.t.Helper()
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: scenario}})
}

func TestSimulatedSpeech(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c, join := w.enter(t, "alice", "hall", "")
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: &pb.SimulateScenario{Scenario: &pb.SimulateScenario_SpeakerUpdate{}}}})
	for _, active := range []bool{true, false} {
		s := c.until(func(r *pb.SignalResponse) bool { return r.GetSpeakersChanged() != nil }).GetSpeakersChanged().Speakers[0]
		if s.Sid != join.Participant.Sid || s.Active != active {
			t.Errorf("got %v", s)
		}
	}
}

func TestSimulatedLeaves(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scenario *pb.SimulateScenario
		action   pb.LeaveRequest_Action
	}{
		"server leaves":  {&pb.SimulateScenario{Scenario: &pb.SimulateScenario_ServerLeave{ServerLeave: true}}, pb.LeaveRequest_DISCONNECT},
		"full reconnect": {&pb.SimulateScenario{Scenario: &pb.SimulateScenario_LeaveRequestFullReconnect{LeaveRequestFullReconnect: true}}, pb.LeaveRequest_RECONNECT},
		"over TCP": {&pb.SimulateScenario{Scenario: &pb.SimulateScenario_SwitchCandidateProtocol{SwitchCandidateProtocol: pb.CandidateProtocol_TCP}},
			pb.LeaveRequest_RECONNECT},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c, _ := w.enter(t, "alice", "hall", "")
			c.simulate(tt.scenario)
			if l := c.untilLeave(); l.Action != tt.action {
				t.Errorf("leave: %v", l)
			}
		})
	}
}

// offerOf is the server's offer to somebody who has just come.
func (c *wire) offerOf() string {
	c.t.Helper()
	return c.until(func(r *pb.SignalResponse) bool { return r.GetOffer() != nil }).GetOffer().Sdp
}

func TestSimulatedCandidateProtocol(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *Config) {
		local := netip.MustParseAddr("127.0.0.1")
		endpoint, err := rtc.Listen(rtc.Config{
			Listen: "127.0.0.1:0", ListenTCP: "127.0.0.1:0", Shards: 1, Addresses: []netip.Addr{local}, Log: testLog(),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { endpoint.Close() })
		cfg.Endpoint = endpoint
	})
	again := func(protocol pb.CandidateProtocol) (*pb.JoinResponse, string) {
		c, _ := w.enter(t, "alice", "hall", "")
		c.simulate(&pb.SimulateScenario{Scenario: &pb.SimulateScenario_SwitchCandidateProtocol{SwitchCandidateProtocol: protocol}})
		c.untilLeave()
		next, join := w.enter(t, "alice", "hall", "")
		return join, next.offerOf()
	}
	if _, offer := again(pb.CandidateProtocol_TCP); strings.Contains(offer, " udp ") || !strings.Contains(offer, " tcp ") {
		t.Errorf("offered over TCP:\n%s", offer)
	}
	if _, offer := again(pb.CandidateProtocol_UDP); !strings.Contains(offer, " udp ") || strings.Contains(offer, " tcp ") {
		t.Errorf("offered over UDP:\n%s", offer)
	}
	if join, _ := again(pb.CandidateProtocol_TLS); join.ClientConfiguration.ForceRelay != pb.ClientConfigSetting_ENABLED {
		t.Errorf("over TLS: %v", join.ClientConfiguration)
	}
	c, join := w.enter(t, "alice", "hall", "")
	if offer := c.offerOf(); !strings.Contains(offer, " udp ") || !strings.Contains(offer, " tcp ") || join.ClientConfiguration.ForceRelay != pb.ClientConfigSetting_UNSET {
		t.Errorf("a wish is remembered after it was fulfilled:\n%s", offer)
	}
}

func TestSimulatedResumeThatFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		scenario *pb.SimulateScenario
		reply    bool
	}{
		"after the reply": {&pb.SimulateScenario{Scenario: &pb.SimulateScenario_DisconnectSignalOnResume{DisconnectSignalOnResume: true}}, true},
		"without a reply": {&pb.SimulateScenario{Scenario: &pb.SimulateScenario_DisconnectSignalOnResumeNoMessages{DisconnectSignalOnResumeNoMessages: true}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c, join := w.enter(t, "alice", "hall", "")
			c.simulate(tt.scenario)
			for {
				if _, err := c.read(); err != nil {
					break
				}
			}
			resume := func() *wire {
				back, _, err := w.dial(t, token(t, "alice", "hall", nil), "protocol=17&reconnect=1&sid="+join.Participant.Sid)
				if err != nil {
					t.Fatal(err)
				}
				return back
			}
			first, err := resume().read()
			if got := err == nil && first.GetReconnect() != nil; got != tt.reply {
				t.Errorf("the first resume gets %v (%v)", first, err)
			}
			if second := resume().next(); second.GetReconnect() == nil {
				t.Errorf("the second resume gets %v", second)
			}
		})
	}
}
