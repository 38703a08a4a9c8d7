package hls

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"strings"
)

// request is what is read of a request for media on a kept connection. Its bytes are those it was read from.
type request struct {
	target []byte // as it stands in the request line
	// from is a hash of all that says who asks, and by which name; see introduction.
	from  uint64
	agent uint64
	gzip  bool
}

// introduction is what a request says of where it comes from, which those who guard the server look at.
type introduction struct{ host, origin, referer, site, dest []byte }

func introductionOf(r *http.Request) introduction {
	of := func(name string) []byte { return []byte(r.Header.Get(name)) }
	return introduction{[]byte(r.Host), of("Origin"), of("Referer"), of("Sec-Fetch-Site"), of("Sec-Fetch-Dest")}
}

func (i introduction) hash() uint64 {
	var h maphash.Hash
	h.SetSeed(viewerSeed)
	for _, part := range [...][]byte{i.host, i.origin, i.referer, i.site, i.dest} {
		h.Write(part)
		h.WriteByte('\n')
	}
	return h.Sum64()
}

// parseRequest reads a plain GET as players make it (RFC 9112), and tells how many bytes it has. It is ok only where nothing in it needs more
// than that: all else, what is not complete and what is malformed too, is for a whole HTTP server.
func parseRequest(b []byte) (r request, size int, ok bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return r, 0, false
	}
	line, fields, _ := bytes.Cut(b[:end+2], []byte("\r\n"))
	target, found := bytes.CutPrefix(line, []byte("GET "))
	target, of11 := bytes.CutSuffix(target, []byte(" HTTP/1.1"))
	if !found || !of11 || !isTarget(target) {
		return r, 0, false
	}
	r.target = target
	var who introduction
	var hosts int
	var agent []byte
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !isToken(name) || !isText(value) {
			return r, 0, false
		}
		value = bytes.Trim(value, " \t")
		switch kindOf(name) {
		case isHost:
			who.host = value
			hosts++
		case isOrigin:
			who.origin = value
		case isReferer:
			who.referer = value
		case isSite:
			who.site = value
		case isDest:
			who.dest = value
		case isAgent:
			agent = value
		case isEncoding:
			r.gzip = bytes.Equal(value, []byte("gzip, deflate")) || acceptsGzip(string(value))
		case isConnection:
			if !bytes.EqualFold(value, []byte("keep-alive")) {
				return r, 0, false
			}
		case isRange:
			if string(value) != wholeSpan {
				return r, 0, false
			}
		case isMore:
			return r, 0, false
		}
	}
	if hosts != 1 {
		return r, 0, false
	}
	r.from, r.agent = who.hash(), maphash.Bytes(viewerSeed, agent)
	return r, end + 4, true
}

// isPlain tells whether parseRequest would read the like of a request that the HTTP server has read.
func isPlain(r *http.Request) bool {
	if r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.Method != http.MethodGet || r.Close || r.ContentLength != 0 || !isTarget([]byte(r.RequestURI)) {
		return false
	}
	size := len("GET  HTTP/1.1\r\nHost:\r\n\r\n") + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		kind := kindOf([]byte(name))
		if kind == isMore || !isToken([]byte(name)) {
			return false
		}
		for _, v := range values {
			if !isText([]byte(v)) || kind == isConnection && !strings.EqualFold(v, "keep-alive") || kind == isRange && v != wholeSpan {
				return false
			}
			size += len(name) + len(":\r\n") + len(v)
		}
	}
	return size < requestSize
}

// kind of a header field.
type kind uint8

const (
	isNothing kind = iota // that matters here
	isHost
	isOrigin
	isReferer
	isSite
	isDest
	isAgent
	isEncoding
	isConnection
	isRange
	isMore // than is read here
)

// kinds are the fields that are looked at. What a proxy adds is among those that need more: its connections carry many viewers.
var kinds = []struct {
	name string
	kind kind
}{
	{"Host", isHost}, {"Origin", isOrigin}, {"Referer", isReferer}, {"Sec-Fetch-Site", isSite}, {"Sec-Fetch-Dest", isDest}, {"User-Agent", isAgent}, {"Accept-Encoding", isEncoding}, {"Connection", isConnection},
	{"Range", isRange}, {"Authorization", isMore}, {"Content-Length", isMore}, {"Expect", isMore}, {"Forwarded", isMore}, {"If-None-Match", isMore}, {"Transfer-Encoding", isMore},
	{"Upgrade", isMore}, {"Via", isMore}, {"X-Forwarded-For", isMore}, {"X-Real-IP", isMore}, {"X-Tutti-Key", isMore},
}

func kindOf(name []byte) kind {
	for i := range kinds {
		if k := &kinds[i]; len(k.name) == len(name) && bytes.EqualFold(name, []byte(k.name)) {
			return k.kind
		}
	}
	return isNothing
}

// isTarget tells whether a request's target is a path of visible characters.
func isTarget(b []byte) bool {
	if len(b) == 0 || b[0] != '/' {
		return false
	}
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// isToken tells whether a field's name is one (RFC 9110, section 5.6.2), of letters, digits and hyphens, as all that are in use.
func isToken(b []byte) bool {
	for _, c := range b {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(b) > 0
}

// isText tells whether a field's value has no control characters.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
