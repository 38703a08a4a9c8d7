package probe

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tuttilive/tutti/internal/turn"
)

// names makes opaque names of networks: TURN's quotas count by them, and nobody else can read an address out of them.
type names struct{ key [32]byte }

func newNames() (n names) {
	rand.Read(n.key[:])
	return n
}

func (n *names) of(who network) string {
	m := hmac.New(sha256.New, n.key[:])
	m.Write([]byte(who.String()))
	return "probe-" + hex.EncodeToString(m.Sum(nil)[:8])
}

// ports are WebRTC's, 0 for what is off.
type ports struct {
	UDP int `json:"udp"`
	TCP int `json:"tcp"`
}

// serveICE answers GET /probe/ice.
func (s *Server) serveICE(w http.ResponseWriter, r *http.Request, v *visit) error {
	defer v.end()
	servers, expires := s.ice.IssueTest(s.names.of(v.who), r.Host)
	if servers == nil {
		servers = []turn.ICEServer{}
	}
	answerJSON(w, struct {
		ICEServers []turn.ICEServer `json:"iceServers"`
		Expires    time.Time        `json:"expires"`
		RTC        ports            `json:"webrtc"`
	}{servers, expires.UTC().Truncate(time.Second), ports{s.endpoint.Port(), s.endpoint.TCPPort()}})
	return nil
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // the client is gone when this fails
}
