package livekit

import (
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// sabotage is what a client asked us to do wrong at its next resume.
type sabotage struct{ silent, afterReply bool }

// speakingEnds ends a simulated speech.
type speakingEnds struct{}

// maxSpeech bounds a simulated speech.
const maxSpeech = 60

// simulate plays a scenario that client developers use to try how their program copes. It concerns nobody else.
func (s *session) simulate(scenario *pb.SimulateScenario) {
	switch sc := scenario.GetScenario().(type) {
	case *pb.SimulateScenario_SpeakerUpdate:
		s.sendSpeakers([]room.Speaker{{Identity: s.place.identity, SID: s.sid, Level: 0.9}})
		s.after(time.Duration(min(max(sc.SpeakerUpdate, 0), maxSpeech))*time.Second, speakingEnds{})
	case *pb.SimulateScenario_NodeFailure:
		if s.conn != nil {
			s.conn.fail()
		}
		s.end(nil, room.LeftTimeout)
	case *pb.SimulateScenario_ServerLeave:
		s.end(leave(pb.DisconnectReason_SERVER_SHUTDOWN, pb.LeaveRequest_DISCONNECT), room.LeftServerShutdown)
	case *pb.SimulateScenario_LeaveRequestFullReconnect:
		s.end(leave(pb.DisconnectReason_UNKNOWN_REASON, pb.LeaveRequest_RECONNECT), room.LeftByItself)
	case *pb.SimulateScenario_Migration:
		// All that a client notices of a migration. Told to resume as well, some take it for two reasons and give up the session.
		s.hangUp()
	case *pb.SimulateScenario_SwitchCandidateProtocol:
		s.server.detours.keep(s.place, sc.SwitchCandidateProtocol)
		s.end(leave(pb.DisconnectReason_UNKNOWN_REASON, pb.LeaveRequest_RECONNECT), room.LeftByItself)
	case *pb.SimulateScenario_SubscriberBandwidth:
		studio.LimitRate(s.receivingPeer(), max(0, sc.SubscriberBandwidth))
	case *pb.SimulateScenario_DisconnectSignalOnResume:
		s.sabotage.afterReply = sc.DisconnectSignalOnResume
		s.hangUp()
	case *pb.SimulateScenario_DisconnectSignalOnResumeNoMessages:
		s.sabotage.silent = sc.DisconnectSignalOnResumeNoMessages
		s.hangUp()
	}
}

// hangUp closes the WebSocket and nothing else.
func (s *session) hangUp() {
	if s.conn != nil {
		s.conn.close(websocket.StatusNormalClosure, "")
	}
}
