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

// TestWhatIsWithheldStaysSoWhereThereIsNoStage: a right to publish that no role binds would outlive being let up.
func TestWhatIsWithheldStaysSoWhereThereIsNoStage(t *testing.T) {
	no := false
	for scene, publishes := range map[string]bool{"conference": false, "show": true} {
		onStage(t, scene, func(t *testing.T, h *House, s *Studio) {
			a := &Attendee{studio: s, ear: unheard{}, name: "Eve", claims: auth.Claims{
				Identity: "eve", Expires: time.Now().Add(time.Hour), Video: auth.Grant{Room: "r", RoomJoin: true, CanPublish: &no, Hidden: true},
			}}
			if p := Permission(a.letUp().Video); p.Publish != publishes || p.Hidden {
				t.Errorf("in a %s who is let up has %+v", scene, p)
			}
		})
	}
}
