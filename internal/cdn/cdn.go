// Package cdn makes the addresses at which viewers play: here, or at content delivery networks that fetch from here, signed the
// way such a network checks.
package cdn

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Scheme is how a network checks that an address was made by us.
type Scheme string

const (
	// None signs nothing.
	None Scheme = "none"
	// Alibaba is URL signing of type A of Alibaba Cloud's CDN and ApsaraVideo Live; Tencent's CDN knows the same as TypeA under
	// the parameter "sign" (TencentCDN).
	Alibaba    Scheme = "alibaba"
	TencentCDN Scheme = "tencent-cdn"
	// TencentLive is the hotlink protection of Tencent's live service (txSecret, txTime), which signs the stream's name.
	TencentLive Scheme = "tencent-live"
)

// Front is one network's way to what we serve. The zero value is no network: paths stay as they are.
type Front struct {
	// Base is scheme and host, and perhaps a folder, before our own paths.
	Base string
	Sign Scheme
	// Key is what we share with the network. It is a secret.
	Key string
	// Life is how long a signed address is good for, at least half of it from when it is given out.
	Life time.Duration
}

// CheckBase says what is wrong with a base.
func CheckBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%q is no http or https address of a host", base)
	}
	return nil
}

// URL is where a path of ours, escaped as in a request, is played. All who ask within half a life get the same address, so that
// caches between see one.
func (f Front) URL(requestPath string, now time.Time) string {
	if f.Base == "" {
		return requestPath
	}
	base, _ := url.Parse(f.Base) // CheckBase has seen it
	signed := strings.TrimSuffix(base.EscapedPath(), "/") + requestPath
	address := base.Scheme + "://" + base.Host + signed
	until := Until(now, f.Life).Unix()
	switch f.Sign {
	case Alibaba:
		return address + "?auth_key=" + typeA(signed, until, f.Key)
	case TencentCDN:
		return address + "?sign=" + typeA(signed, until, f.Key)
	case TencentLive:
		at := strings.ToUpper(strconv.FormatInt(until, 16))
		return address + "?txSecret=" + sum(f.Key+streamName(signed)+at) + "&txTime=" + at
	}
	return address
}

// Until is when what is given out now ends: on a multiple of half a life, so that it is the same for everybody for a while, and
// half a life from now at the earliest.
func Until(now time.Time, life time.Duration) time.Time {
	half := life / 2
	return now.Truncate(half).Add(half).Add(half)
}

// typeA is timestamp-rand-uid-md5(path-timestamp-rand-uid-key). Networks add the validity that is set with them to the timestamp.
func typeA(signedPath string, until int64, key string) string {
	fields := fmt.Sprintf("%d-0-0", until)
	return fields + "-" + sum(signedPath+"-"+fields+"-"+key)
}

// streamName is the last part of a path without its ending; in HLS, the folder of the playlist.
func streamName(signedPath string) string {
	if folder, ok := strings.CutSuffix(signedPath, "/index.m3u8"); ok {
		signedPath = folder
	}
	name := path.Base(signedPath)
	return strings.TrimSuffix(name, path.Ext(name))
}

func sum(s string) string {
	h := md5.Sum([]byte(s)) // the networks' choice; the key is in it
	return hex.EncodeToString(h[:])
}
