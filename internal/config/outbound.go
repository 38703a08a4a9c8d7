package config

import (
	"fmt"
	"net/netip"
	"net/url"
)

// Outbound is whom the server tells things by itself, and where it may connect to for that.
type Outbound struct {
	Webhook   []string `help:"URLs that are told what happens in rooms." placeholder:"URL"`
	Push      string   `help:"Who may have shows pushed to other servers (RTMP, RTMPS, WHIP; SRT is for operators): hosts, operators alone, or off; auto is operators where anyone may create rooms, else hosts." enum:"auto,hosts,operators,off" default:"auto"`
	Pull      string   `help:"Who may have streams fetched from other servers (RTMP, RTMPS, HLS; SRT is for operators): hosts, operators alone, or off; auto is operators where anyone may create rooms, else hosts." enum:"auto,hosts,operators,off" default:"auto"`
	DialAllow []string `help:"Private networks that the server may connect to, for webhooks and pushes; 127.0.0.0/8 for an application on the same machine." placeholder:"PREFIX"`
}

// DialNetworks are private networks that may be connected to.
func (o *Outbound) DialNetworks() ([]netip.Prefix, error) { return networks("dial-allow", o.DialAllow) }

// networks parses prefixes that are a flag's value.
func networks(flag string, texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%s: %q is no network such as 192.168.0.0/16", flag, text)
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// validate gives everything that is wrong with the settings above.
func (o *Outbound) validate() (errs []error) {
	if _, err := o.DialNetworks(); err != nil {
		errs = append(errs, err)
	}
	for _, text := range o.Webhook {
		if u, err := url.Parse(text); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			errs = append(errs, fmt.Errorf("webhook: %q is no http or https URL", text))
		}
	}
	return errs
}
