package whip

import (
	"errors"
	"fmt"
	"strings"
)

// maxCandidates bounds those of one fragment.
const maxCandidates = 256

// fragment is what an SDP fragment says (RFC 8840, section 9.2).
type fragment struct {
	ufrag, password string
	candidates      int
}

// parseFragment reads an SDP fragment. It must have ICE credentials or candidates.
func parseFragment(body string) (fragment, error) {
	var f fragment
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) < 3 || line[1] != '=' {
			return fragment{}, fmt.Errorf("line %q is no SDP", line[:min(len(line), 20)])
		}
		name, value, _ := strings.Cut(line[2:], ":")
		if line[0] != 'a' {
			continue
		}
		switch name {
		case "ice-ufrag":
			if !isICEString(value, 4) || f.ufrag != "" && f.ufrag != value {
				return fragment{}, errors.New("bad ice-ufrag")
			}
			f.ufrag = value
		case "ice-pwd":
			if !isICEString(value, 22) || f.password != "" && f.password != value {
				return fragment{}, errors.New("bad ice-pwd")
			}
			f.password = value
		case "candidate", "end-of-candidates":
			if f.candidates++; f.candidates > maxCandidates {
				return fragment{}, errors.New("too many candidates")
			}
		}
	}
	if (f.ufrag == "") != (f.password == "") || f.ufrag == "" && f.candidates == 0 {
		return fragment{}, errors.New("neither credentials nor candidates")
	}
	return f, nil
}

// isICEString checks an ice-ufrag or ice-pwd (RFC 8839, section 5.4).
func isICEString(s string, least int) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/') {
			return false
		}
	}
	return len(s) >= least && len(s) <= 256
}

// trickle takes a fragment. For an ICE restart it gives the fragment that answers it, else nothing.
func (x *session) trickle(f fragment, ifMatch string) (answer string, err error) {
	x.negotiation.Lock()
	defer x.negotiation.Unlock()
	ufrag, _ := credentials(x.offer)
	if f.ufrag == "" || f.ufrag == ufrag {
		// If-Match should be there (RFC 9725, section 4.3.2), but clients that leave it out do no harm.
		if ifMatch != "" && ifMatch != "*" && ifMatch != x.tag {
			return "", errOtherSession
		}
		return "", nil
	}
	if ifMatch != "" && ifMatch != "*" {
		return "", errOtherSession // a restart names no session (RFC 9725, section 4.3.3)
	}
	offer := withCredentials(x.offer, f.ufrag, f.password)
	if err := x.peer.SetOffer(offer); err != nil {
		return "", errors.Join(errRestartRefused, err)
	}
	full, err := x.peer.CreateAnswer()
	if err != nil {
		return "", errors.Join(errRestartRefused, err)
	}
	x.offer, x.tag = offer, newTag()
	return iceFragment(full), nil
}

func (x *session) currentTag() string {
	x.negotiation.Lock()
	defer x.negotiation.Unlock()
	return x.tag
}

// credentials are the first ICE credentials of a description.
func credentials(sdp string) (ufrag, password string) {
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok && ufrag == "" {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok && password == "" {
			password = v
		}
	}
	return ufrag, password
}

// withCredentials is a description with other ICE credentials and without its candidates.
func withCredentials(sdp, ufrag, password string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		switch {
		case strings.HasPrefix(line, "a=ice-ufrag:"):
			b.WriteString("a=ice-ufrag:" + ufrag + "\r\n")
		case strings.HasPrefix(line, "a=ice-pwd:"):
			b.WriteString("a=ice-pwd:" + password + "\r\n")
		case strings.HasPrefix(line, "a=candidate:"), strings.HasPrefix(line, "a=end-of-candidates"):
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// iceFragment is what an answer says of ICE: our credentials and candidates, for the first section, which all others are
// bundled with.
func iceFragment(answer string) string {
	var session, section strings.Builder
	sections := 0
	seen := map[string]bool{}
	for line := range strings.Lines(answer) {
		name, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch {
		case strings.HasPrefix(line, "m="):
			if sections++; sections == 1 {
				section.WriteString(line)
			}
		case sections > 1:
		case name == "a=ice-lite", name == "a=ice-options", name == "a=ice-ufrag", name == "a=ice-pwd":
			if !seen[name] {
				seen[name] = true
				session.WriteString(line)
			}
		case name == "a=mid", name == "a=candidate", name == "a=end-of-candidates":
			section.WriteString(line)
		}
	}
	return session.String() + section.String()
}
