package call

import (
	"encoding/json"
	"time"

	"github.com/tuttilive/tutti/internal/turn"
)

// message is what the server sends. It goes to one person, since its number is theirs.
type message interface{ header() *head }

type head struct {
	Type string `json:"type"`
	// Seq is 0 for messages that are not numbered.
	Seq uint64 `json:"seq,omitempty"`
}

func (h *head) header() *head { return h }

// mediaState is what a member sends at the moment.
type mediaState struct {
	Microphone bool `json:"microphone"`
	Camera     bool `json:"camera"`
	Screen     bool `json:"screen"`
	// Recording tells that they record the call.
	Recording bool `json:"recording,omitempty"`
}

type memberInfo struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Present bool       `json:"present"`
	Role    string     `json:"role"`
	State   mediaState `json:"state"`
}

type visitorInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Ringing bool   `json:"ringing"`
}

// pathInfo is a path as one member sees it.
type pathInfo struct {
	Kind       pathKind `json:"kind"`
	Generation uint64   `json:"generation,omitempty"`
	// Peer and Polite belong to the direct path.
	Peer   string `json:"peer,omitempty"`
	Polite *bool  `json:"polite,omitempty"`
	// Reason, URL and Token belong to the room path.
	Reason reason `json:"reason,omitempty"`
	URL    string `json:"url,omitempty"`
	Token  string `json:"token,omitempty"`
}

type iceInfo struct {
	Servers []turn.ICEServer `json:"iceServers"`
	// Expires is nil when no credential among the servers does.
	Expires *time.Time `json:"iceExpires,omitempty"`
}

// standing is what somebody who comes in or comes back is told: of a member everything, of a visitor the first part.
type standing struct {
	You     string       `json:"you"`
	Name    string       `json:"name"`
	Room    string       `json:"room"`
	Title   string       `json:"title"`
	Role    string       `json:"role"`
	Members []memberInfo `json:"members"`
	*membership
}

type membership struct {
	iceInfo
	Visitors []visitorInfo `json:"visitors"`
	Path     pathInfo      `json:"path"`
}

type (
	welcomeMessage struct { // joined, visiting
		head
		Session string `json:"session"`
		// ResumeWithin is in seconds.
		ResumeWithin float64 `json:"resumeWithin"`
		standing
	}
	resumedMessage struct {
		head
		// Got is the last number received, 0 for none; it takes the place of the head's.
		Got uint64 `json:"seq"`
		standing
	}
	memberMessage struct {
		head
		Member memberInfo `json:"member"`
	}
	goneMessage struct {
		head
		ID     string     `json:"id"`
		Reason goneReason `json:"reason"`
	}
	visitorMessage struct {
		head
		Visitor visitorInfo `json:"visitor"`
	}
	visitorGoneMessage struct {
		head
		ID     string            `json:"id"`
		Reason visitorGoneReason `json:"reason"`
		Text   string            `json:"text,omitempty"`
	}
	ringMessage struct {
		head
		From string `json:"from"`
		Name string `json:"name"`
	}
	ringEndMessage struct {
		head
		Reason ringEndReason `json:"reason"`
	}
	pathMessage struct {
		head
		Path pathInfo `json:"path"`
	}
	arrivedMessage struct {
		head
		From       string `json:"from"`
		Generation uint64 `json:"generation"`
	}
	signalMessage struct {
		head
		From        string       `json:"from"`
		Generation  uint64       `json:"generation"`
		Description *description `json:"description,omitempty"`
		// Candidate may be "null".
		Candidate json.RawMessage `json:"candidate,omitempty"`
	}
	iceMessage struct {
		head
		iceInfo
	}
	plainMessage struct{ head } // ping, pong, ack
	errorMessage struct {
		head
		Code    code   `json:"code"`
		Message string `json:"message"`
		// Of and OfSeq are type and number of the message that was refused.
		Of    string `json:"of,omitempty"`
		OfSeq uint64 `json:"ofSeq,omitempty"`
	}
)

func encode(m message) []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic("call: a message of our own cannot be encoded: " + err.Error()) // no map, channel or float that could fail
	}
	return data
}
