package auth

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var keys = Keys{Key: "APIabc", Secret: "a secret that is long enough for HS256"}

func sign(t *testing.T, method jwt.SigningMethod, secret any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestMintedTokenIsVerified(t *testing.T) {
	no := false
	want := Claims{Identity: "anna", Name: "安娜", Attributes: map[string]string{"a": "b"}, Video: Grant{Room: "r", RoomJoin: true, CanPublish: &no}}
	now := time.Now()
	token, err := keys.Mint(want, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := keys.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if got.Made.Unix() != now.Unix() || got.Expires.Sub(got.Made) != time.Hour {
		t.Errorf("made %v, expires %v", got.Made, got.Expires)
	}
	if got.Identity != want.Identity || got.Name != want.Name || got.Attributes["a"] != "b" || got.Video.Room != "r" ||
		!got.Video.RoomJoin || got.Video.CanPublish == nil || *got.Video.CanPublish || got.Video.CanSubscribe != nil {
		t.Fatalf("got %+v", got)
	}
}

func TestBadTokensAreRefused(t *testing.T) {
	later := time.Now().Add(time.Hour).Unix()
	good := jwt.MapClaims{"iss": keys.Key, "sub": "a", "exp": later}
	secret := []byte(keys.Secret)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"none":            {"", ErrMissing},
		"garbage":         {"abc", ErrInvalid},
		"other secret":    {sign(t, jwt.SigningMethodHS256, []byte("other"), good), ErrInvalid},
		"other issuer":    {sign(t, jwt.SigningMethodHS256, secret, jwt.MapClaims{"iss": "APIx", "sub": "a", "exp": later}), ErrInvalid},
		"expired":         {sign(t, jwt.SigningMethodHS256, secret, jwt.MapClaims{"iss": keys.Key, "exp": time.Now().Add(-time.Minute).Unix()}), ErrExpired},
		"without end":     {sign(t, jwt.SigningMethodHS256, secret, jwt.MapClaims{"iss": keys.Key, "sub": "a"}), ErrInvalid},
		"not yet valid":   {sign(t, jwt.SigningMethodHS256, secret, jwt.MapClaims{"iss": keys.Key, "exp": later, "nbf": later}), ErrInvalid},
		"no signature":    {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), ErrInvalid},
		"other algorithm": {sign(t, jwt.SigningMethodHS512, secret, good), ErrInvalid},
	} {
		if _, err := keys.Verify(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestLinkKeysDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, room := range []string{"a", "ab", "合奏"} {
		for _, role := range []Role{Host, Guest, Watcher, Publisher} {
			for _, salt := range []string{"", "s"} {
				k := keys.LinkKey(room, role, salt)
				if was, twice := seen[k]; twice {
					t.Fatalf("%s/%s/%s has the key of %s", room, role, salt, was)
				}
				seen[k] = room + string(role) + salt
				if !keys.IsLinkKey(k, room, role, salt) || keys.IsLinkKey(k+"x", room, role, salt) || keys.IsLinkKey("", room, role, salt) {
					t.Fatalf("%s/%s: comparing fails", room, role)
				}
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	token, err := keys.Mint(Claims{Identity: "a", Video: Grant{Room: "r", RoomJoin: true}}, time.Hour, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) { _, _ = keys.Verify(s) })
}
