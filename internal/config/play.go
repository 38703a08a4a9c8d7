package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/cdn"
)

// Play is where people open the page and play, where that is not this server itself but a proxy or a content delivery network in
// front of it.
type Play struct {
	PageURL  string `help:"Address of the page in links that are shared, where it is not the one that the page was opened at." placeholder:"URL" name:"page-url"`
	PlayFLV  string `help:"Where FLV is played: https://HOST of a CDN that fetches from here. Paths are the same as here." placeholder:"URL" name:"play-flv"`
	PlayHLS  string `help:"Where HLS is played, likewise." placeholder:"URL" name:"play-hls"`
	PlayWHEP string `help:"Where WHEP is played: a name that leads to this server past the CDN, which cannot carry it." placeholder:"URL" name:"play-whep"`

	CDNSign string        `help:"How the CDN checks addresses of FLV and HLS: none, alibaba (URL signing type A), tencent-cdn (TypeA), tencent-live (txSecret)." enum:"none,alibaba,tencent-cdn,tencent-live" default:"none" name:"cdn-sign"`
	CDNKey  string        `help:"The key that the CDN shares with us for that." placeholder:"SECRET" name:"cdn-key"`
	PlayTTL time.Duration `help:"How long an address to play at is good for, where it is signed or leads to a room that is not public; half of that at least." default:"12h" name:"play-ttl"`

	PlayOrigin []string `help:"Web sites (https://HOST) whose pages may play from here, beside our own; none named lets all." placeholder:"URL" name:"play-origin"`
}

// FLVFront and HLSFront are the networks that play FLV and HLS.
func (p *Play) FLVFront() cdn.Front { return p.front(p.PlayFLV) }

// HLSFront is FLVFront for HLS.
func (p *Play) HLSFront() cdn.Front { return p.front(p.PlayHLS) }

func (p *Play) front(base string) cdn.Front {
	return cdn.Front{Base: base, Sign: cdn.Scheme(p.CDNSign), Key: p.CDNKey, Life: p.PlayTTL}
}

// validate gives everything that is wrong with the settings above.
func (p *Play) validate() (errs []error) {
	for name, base := range map[string]string{"page-url": p.PageURL, "play-flv": p.PlayFLV, "play-hls": p.PlayHLS, "play-whep": p.PlayWHEP} {
		if base == "" {
			continue
		}
		if err := cdn.CheckBase(base); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	for _, o := range p.PlayOrigin {
		if err := cdn.CheckBase(o); err != nil {
			errs = append(errs, fmt.Errorf("play-origin: %w", err))
		}
	}
	if signs := p.CDNSign != "" && p.CDNSign != string(cdn.None); signs != (p.CDNKey != "") {
		errs = append(errs, errors.New("cdn-sign and cdn-key go together"))
	}
	if p.PlayTTL < 10*time.Minute || p.PlayTTL > 30*24*time.Hour {
		errs = append(errs, fmt.Errorf("play-ttl: %v is not between 10m and 720h", p.PlayTTL))
	}
	return errs
}
