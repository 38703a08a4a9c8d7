package whip

import (
	"strings"
	"testing"
)

func TestFragments(t *testing.T) {
	const password = "0123456789012345678901"
	for _, test := range []struct {
		name, in string
		want     fragment
		ok       bool
	}{
		{"RFC 9725, section 4.3.2", "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n" +
			"a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\na=end-of-candidates\r\n",
			fragment{"EsAw", "P2uYro0UCOQ4zxjKXaWCBui1", 2}, true},
		{"end of candidates", "a=end-of-candidates", fragment{"", "", 1}, true},
		{"the same credentials in each section", "a=ice-ufrag:abcd\na=ice-pwd:" + password + "\na=ice-ufrag:abcd\na=ice-pwd:" + password, fragment{"abcd", password, 0}, true},
		{"two users", "a=ice-ufrag:abcd\na=ice-pwd:" + password + "\na=ice-ufrag:efgh\n", fragment{}, false},
		{"ufrag alone", "a=ice-ufrag:abcd\n", fragment{}, false},
		{"short ufrag", "a=ice-ufrag:abc\na=ice-pwd:" + password, fragment{}, false},
		{"short password", "a=ice-ufrag:abcd\na=ice-pwd:short\n", fragment{}, false},
		{"odd characters", "a=ice-ufrag:ab\"d\na=ice-pwd:" + password, fragment{}, false},
		{"long ufrag", "a=ice-ufrag:" + strings.Repeat("a", 257) + "\na=ice-pwd:" + password, fragment{}, false},
		{"too many candidates", strings.Repeat("a=candidate:1\n", maxCandidates+1), fragment{}, false},
		{"nothing", "m=audio 9 x\r\n", fragment{}, false},
		{"no SDP", "{}", fragment{}, false},
	} {
		got, err := parseFragment(test.in)
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

func TestRestartKeepsTheRestOfTheOffer(t *testing.T) {
	got := withCredentials(offer, "newer", "newerpasswordnewerpassword")
	ufrag, password := credentials(got)
	if ufrag != "newer" || password != "newerpasswordnewerpassword" || strings.Contains(got, "candidate") || strings.Contains(got, "theirs") {
		t.Errorf("offer is %q", got)
	}
	if !strings.Contains(got, "a=rtpmap:97 H264/90000\r\n") {
		t.Errorf("offer lost something: %q", got)
	}
	answer, _ := (&fakePeer{}).CreateAnswer()
	want := "a=ice-lite\r\na=ice-ufrag:ours\r\na=ice-pwd:ourpassword\r\nm=audio 9 x\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 7882 typ host\r\n"
	if got := iceFragment(answer); got != want {
		t.Errorf("fragment is %q, want %q", got, want)
	}
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n")
	f.Add("m=\n\n\na=")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseFragment(in)
		if err != nil {
			return
		}
		if got.candidates > maxCandidates || strings.ContainsAny(got.ufrag+got.password, "\r\n ") {
			t.Errorf("%+v", got)
		}
		if got.ufrag != "" {
			if ufrag, password := credentials(withCredentials(offer, got.ufrag, got.password)); ufrag != got.ufrag || password != got.password {
				t.Errorf("credentials come back as %q %q", ufrag, password)
			}
		}
	})
}
