package rtc

import (
	"net/netip"
	"strconv"
	"strings"
)

// Addresses are where remotes reach the endpoint over UDP, the preferred first: those of its candidates.
func (e *Endpoint) Addresses() (list []netip.AddrPort) {
	for _, c := range e.candidatesFor(UDP) {
		words := strings.Fields(c)
		a, err := netip.ParseAddr(words[4])
		port, err2 := strconv.ParseUint(words[5], 10, 16)
		if err == nil && err2 == nil {
			list = append(list, netip.AddrPortFrom(a, uint16(port)))
		}
	}
	return list
}
