package ice

import "testing"

func TestParseCandidate(t *testing.T) {
	for line, want := range map[string]string{
		"candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host generation 0 ufrag x": "192.0.2.7:54321 host",
		"2 1 UDP 41885439 198.51.100.3 61004 typ relay raddr 0.0.0.0 rport 0":        "198.51.100.3:61004 relay",
		"candidate:3 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active":         "[2001:db8::1]:9 host",
		"candidate:4 1 udp 1 ::ffff:192.0.2.7 5 typ srflx":                           "192.0.2.7:5 srflx",
		"candidate:5 1 udp 1 6f8e0b1c-7a0d-4c53-8a2b-0d9d1c2f3a4b.local 5 typ host":  "",
		"candidate:6 1 udp 1 192.0.2.7 70000 typ host":                               "",
		"candidate:7 1 udp 1 192.0.2.7 5 typ something":                              "",
		"candidate:8 1 udp": "",
		"":                  "",
	} {
		c, ok := ParseCandidate(line)
		got := ""
		if ok {
			got = c.Address.String() + " " + c.Type
		}
		if got != want {
			t.Errorf("%q is %q, not %q", line, got, want)
		}
	}
}

func FuzzParseCandidate(f *testing.F) {
	f.Add("candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host generation 0 ufrag x")
	f.Add("2 1 UDP 41885439 fe80::1%eth0 61004 typ relay raddr 0.0.0.0 rport 0")
	f.Fuzz(func(t *testing.T, line string) {
		if c, ok := ParseCandidate(line); ok && (!c.Address.IsValid() || c.Address.Addr().Zone() != "" || c.Type == "") {
			t.Errorf("%q gives %+v", line, c)
		}
	})
}
