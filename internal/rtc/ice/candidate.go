package ice

import (
	"net/netip"
	"strconv"
	"strings"
)

// RemoteCandidate is what a remote says of one of its addresses.
type RemoteCandidate struct {
	Address netip.AddrPort
	// Type is "host", "srflx", "prflx" or "relay".
	Type string
}

// ParseCandidate reads the value of an a=candidate line, with or without "candidate:" before it (RFC 8839, section 5.1). It
// is false for what has no literal address: browsers hide those of their own network behind a name.
func ParseCandidate(value string) (c RemoteCandidate, ok bool) {
	words := strings.Fields(strings.TrimPrefix(value, "candidate:"))
	if len(words) < 8 || words[6] != "typ" {
		return c, false
	}
	address, err := netip.ParseAddr(words[4])
	port, err2 := strconv.ParseUint(words[5], 10, 16)
	if err != nil || err2 != nil {
		return c, false
	}
	switch c.Type = words[7]; c.Type {
	case "host", "srflx", "prflx", "relay":
	default:
		return c, false
	}
	c.Address = netip.AddrPortFrom(address.Unmap().WithZone(""), uint16(port))
	return c, true
}
