package studio

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

func TestAPassLetsWatchOneRoomForAWhile(t *testing.T) {
	h := newHouse(t, false)
	for name, p := range map[string]room.Policy{
		"private": {Access: room.AccessLink, Salt: "s"}, "token": {Access: room.AccessToken, PublicWatch: true, Salt: "s"},
		"public": {Access: room.AccessLink, PublicWatch: true, Salt: "s"}, "other": {Access: room.AccessLink, Salt: "s"},
	} {
		if err := h.Policies().Create(name, p); err != nil {
			t.Fatal(err)
		}
	}
	soon := time.Now().Add(time.Hour)
	if got := h.PlayFolder("public", soon); got != "/live/" {
		t.Errorf("a room that all may watch is played at %s", got)
	}
	for _, name := range []string{"private", "token"} {
		folder := h.PlayFolder(name, soon)
		pass, rest := CutPass(strings.TrimPrefix(folder, "/live/") + name + ".flv")
		if pass == "" || rest != name+".flv" {
			t.Fatalf("%s is played at %s", name, folder)
		}
		for what, c := range map[string]struct {
			room string
			a    Action
			pass string
			want error
		}{
			"watch":           {name, ToWatch, pass, nil},
			"another room":    {"other", ToWatch, pass, auth.ErrInvalid},
			"join":            {name, ToJoin, pass, auth.ErrMissing},
			"direct":          {name, ToDirect, pass, auth.ErrMissing},
			"publish":         {name, ToPublish, pass, auth.ErrMissing},
			"a longer life":   {name, ToWatch, "z" + pass, auth.ErrInvalid},
			"no pass at all":  {name, ToWatch, "x", auth.ErrInvalid},
			"an expired pass": {name, ToWatch, testKeys.Pass(name, "s", time.Now().Add(-time.Minute)), auth.ErrExpired},
			"an old salt":     {name, ToWatch, testKeys.Pass(name, "before", soon), auth.ErrInvalid},
		} {
			if _, err := h.Admit(c.room, Credential{Pass: c.pass}, c.a); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%s of %s: %v, want %v", what, name, err, c.want)
			}
		}
	}
	if a, b := h.PlayFolder("private", soon), h.PlayFolder("private", soon); a != b {
		t.Errorf("two viewers get %s and %s", a, b)
	}
}
