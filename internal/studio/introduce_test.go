package studio

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
)

// TestWhoseTokenSaysNoNameChoosesOneAndAnother: what they chose first is not the application's word.
func TestWhoseTokenSaysNoNameChoosesOneAndAnother(t *testing.T) {
	h := newHouse(t, false)
	for named, want := range map[string][2]string{"": {"Ann", "Anna"}, "Dr. Ann": {"Dr. Ann", "Dr. Ann"}} {
		token, err := testKeys.Mint(auth.Claims{Identity: "ann", Name: named, Video: auth.Grant{Room: "r", RoomJoin: true}}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c := Credential{Token: token}
		claims, err := h.Admit("r", c, ToJoin)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"Ann", "Anna"} {
			if claims, err = h.Introduce("r", c, claims, name, ""); err != nil || claims.Name != want[i] || MayRename(claims) != (named == "") {
				t.Errorf("with the name %q in the token, %q makes %q: %v", named, name, claims.Name, err)
			}
		}
	}
}
