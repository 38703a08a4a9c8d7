package config

import (
	"errors"
	"fmt"
	"net/url"
)

// Audience is how those who watch are let in and what they may write.
type Audience struct {
	AudiencePerAddress int    `help:"How many viewers' WebSockets, and as many streams of events, one address (IPv6: one /64) may have at a time; 0 for any number." default:"1000"`
	ChatWords          string `help:"List of words that are not said: one a line, masked, or with ! before it refused; never in names." placeholder:"FILE"`
	ChatHook           string `help:"URL that is asked before a message is shown." placeholder:"URL"`
	ChatHookFail       string `help:"Whether messages are shown that the hook does not answer for within a second: allow or deny." enum:"allow,deny" default:"allow"`
}

// validate gives everything that is wrong with the settings above.
func (a *Audience) validate() (errs []error) {
	if a.AudiencePerAddress < 0 {
		errs = append(errs, errors.New("audience-per-address: must not be negative"))
	}
	if a.ChatHook != "" {
		if u, err := url.Parse(a.ChatHook); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			errs = append(errs, fmt.Errorf("chat-hook: %q is no http or https URL", a.ChatHook))
		}
	}
	return errs
}
