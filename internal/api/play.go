package api

import (
	"net/url"
	"time"

	"github.com/tuttilive/tutti/internal/cdn"
)

// PlayFronts are where programs are played, where that is not this server.
type PlayFronts struct {
	FLV, HLS cdn.Front
	// WHEP is the base of another name of this server; no network carries WHEP.
	WHEP cdn.Front
	// TTL is how long an address to a room that is not public is good for; 12 hours when 0.
	TTL time.Duration
}

// origins are what a page must be allowed to reach.
func (f PlayFronts) origins() []string {
	var list []string
	for _, front := range []cdn.Front{f.FLV, f.HLS, f.WHEP} {
		if u, err := url.Parse(front.Base); err == nil && u.Host != "" {
			list = append(list, u.Scheme+"://"+u.Host)
		}
	}
	return list
}

// playAddresses are where a program is played: paths here, or addresses of the networks in front. Whoever has one may use it for a
// while, so only those get them who may watch.
type playAddresses struct {
	WHEP string `json:"whep"`
	FLV  string `json:"flv"`
	HLS  string `json:"hls"`
}

func (a *API) playAddresses(roomName string, now time.Time) *playAddresses {
	folder, p := a.house.PlayFolder(roomName, cdn.Until(now, a.fronts.TTL)), url.PathEscape(roomName)
	return &playAddresses{
		WHEP: a.fronts.WHEP.URL("/whep/"+p, now),
		FLV:  a.fronts.FLV.URL(folder+p+".flv", now), HLS: a.fronts.HLS.URL(folder+p+"/index.m3u8", now),
	}
}
