package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Admission is how the application is asked who may publish and play.
type Admission struct {
	AdmitHook        string        `help:"URL that is asked before somebody publishes or plays." placeholder:"URL"`
	AdmitHookFor     []string      `help:"What it is asked for: publish, play." enum:"publish,play" default:"publish,play" placeholder:"WHAT"`
	AdmitHookFail    string        `help:"Whether those are let in for whom the hook does not answer in time: allow or deny." enum:"allow,deny" default:"deny"`
	AdmitHookTimeout time.Duration `help:"How long the hook may take." default:"2s"`
	AdmitHookCache   time.Duration `help:"For how long its answer for a player holds who shows the same from the same address; 0 asks each time." default:"30s"`
}

// Asks tells whether the hook is asked for "publish" or "play".
func (a *Admission) Asks(what string) bool { return slices.Contains(a.AdmitHookFor, what) }

// validate gives everything that is wrong with the settings above.
func (a *Admission) validate() (errs []error) {
	if a.AdmitHook != "" {
		if u, err := url.Parse(a.AdmitHook); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			errs = append(errs, fmt.Errorf("admit-hook: %q is no http or https URL", a.AdmitHook))
		}
	}
	if a.AdmitHookTimeout < 100*time.Millisecond || a.AdmitHookTimeout > 10*time.Second {
		errs = append(errs, errors.New("admit-hook-timeout: must be between 100ms and 10s"))
	}
	if a.AdmitHookCache < 0 || a.AdmitHookCache > time.Hour {
		errs = append(errs, errors.New("admit-hook-cache: must be between 0 and 1h"))
	}
	return errs
}
