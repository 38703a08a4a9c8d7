package srt

import (
	"errors"
	"net/url"
	"strings"

	"github.com/tuttilive/tutti/internal/studio"
)

var (
	errStreamID = errors.New("the stream id names no room: use {room}?key={stream key}, or #!::r={room},m=publish,key={stream key}")
	errMode     = errors.New("SRT takes streams only: play over another protocol")
)

// address is where somebody publishes to, and what they show.
type address struct {
	room       string
	credential studio.Credential
}

// parseStreamID reads the stream id of a connection, in any of the forms that are in use:
//
//	{room}?key={stream key}                       as with RTMP, also ?token=
//	#!::r={room},m=publish,key={stream key}       SRT's access control guidelines; u= or s= may hold the key
//	publish:{room}:{stream key}
func parseStreamID(id string) (address, error) {
	if fields, ok := strings.CutPrefix(id, "#!::"); ok {
		return parseFields(fields)
	}
	if rest, ok := strings.CutPrefix(id, "publish:"); ok {
		room, key, _ := strings.Cut(rest, ":")
		return checked(address{room: unescape(room), credential: studio.Credential{Key: key}})
	}
	if strings.HasPrefix(id, "read:") || strings.HasPrefix(id, "request:") {
		return address{}, errMode
	}
	path, query, _ := strings.Cut(id, "?")
	values, _ := url.ParseQuery(query) // what is malformed is left out
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/"), "live/")
	room, key, _ := strings.Cut(path, "/")
	a := address{room: unescape(room), credential: studio.Credential{Token: values.Get("token"), Key: values.Get("key")}}
	if a.credential.Key == "" {
		a.credential.Key = key
	}
	return checked(a)
}

func parseFields(text string) (address, error) {
	var a address
	for field := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "r":
			a.room = strings.TrimPrefix(strings.TrimPrefix(unescape(value), "/"), "live/")
		case "m":
			if value != "publish" {
				return address{}, errMode
			}
		case "key":
			a.credential.Key = value
		case "u", "s":
			if a.credential.Key == "" {
				a.credential.Key = value
			}
		case "token":
			a.credential.Token = value
		}
	}
	return checked(a)
}

func checked(a address) (address, error) {
	if a.room == "" {
		return address{}, errStreamID
	}
	return a, nil
}

// unescape undoes percent-encoding, which some encoders apply to names in other scripts and some do not.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}
