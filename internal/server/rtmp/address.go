package rtmp

import (
	"errors"
	"net/url"
	"strings"

	"github.com/tuttilive/tutti/internal/studio"
)

// application is the first part of the path of every address.
const application = "live"

var (
	errApplication = errors.New("unknown application: publish to rtmp://host/live/{room}")
	errNoRoom      = errors.New("no room in the stream name: use {room}?key={stream key}")
)

// address is where somebody publishes to, and what they show.
type address struct {
	room       string
	credential studio.Credential
	codecs     string // that a player says it takes
}

// parseApplication splits the app of a connect command, "live" or "live/{room}", with or without a query.
func parseApplication(app string) (roomName string, query url.Values, err error) {
	path, query := splitQuery(app)
	first, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if first != application || strings.Contains(rest, "/") {
		return "", nil, errApplication
	}
	return unescape(rest), query, nil
}

// parseAddress joins the app of connect and the stream name of publish.
func parseAddress(app, stream string) (address, error) {
	roomName, query, err := parseApplication(app)
	if err != nil {
		return address{}, err
	}
	name, own := splitQuery(stream)
	name = unescape(strings.Trim(name, "/"))
	a := address{credential: studio.Credential{Token: first(own, query, "token"), Key: first(own, query, "key")}, codecs: first(own, query, "codecs")}
	switch {
	case roomName == "":
		var key string
		a.room, key, _ = strings.Cut(name, "/")
		if a.credential.Key == "" {
			a.credential.Key = key
		}
	case a.credential.Key == "":
		a.room, a.credential.Key = roomName, name
	default:
		a.room = roomName
	}
	if a.room == "" {
		return address{}, errNoRoom
	}
	return a, nil
}

// splitQuery cuts a query off; what is malformed in it is left out.
func splitQuery(s string) (path string, query url.Values) {
	path, raw, _ := strings.Cut(s, "?")
	query, _ = url.ParseQuery(raw)
	return path, query
}

func first(a, b url.Values, name string) string {
	if v := a.Get(name); v != "" {
		return v
	}
	return b.Get(name)
}

// unescape undoes percent-encoding, which some encoders apply to names in other scripts and some do not.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
