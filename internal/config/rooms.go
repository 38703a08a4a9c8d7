package config

import (
	"errors"
	"fmt"
	"time"
)

// Rooms is how rooms are run whose application does not say otherwise.
type Rooms struct {
	MaxParticipants  int           `help:"Most participants in a room, 0 for no limit; ingests, agents, recorders and those who are hidden do not count." default:"0"`
	EmptyTimeout     time.Duration `help:"How long a room that an application opened waits for the first to come." default:"5m"`
	DepartureTimeout time.Duration `help:"How long a room stays after the last has left, for somebody to come back." default:"20s"`
	Loudest          int           `help:"How many microphones of a room are forwarded when more are open: those who speak, the loudest first; 0 for all." default:"10"`
	LastN            int           `help:"How many cameras each participant gets at a time: pinned ones, then of who spoke last; 0 for all." default:"0" name:"last-n"`
	JoinsPerAddress  int           `help:"How many may join rooms from one address at once; each second a thirtieth of them may follow." default:"300"`
	Scenes           string        `help:"Directory with scenes of your own (*.yaml, *.yml), beside or instead of those that come along." placeholder:"DIR"`
	Songs            string        `help:"Directory with accompaniments that pages fetch from /songs/; files only, nothing is listed." placeholder:"DIR"`
	RemoteUnmute     bool          `help:"Let moderators unmute others, not only mute them."`
}

// validate gives everything that is wrong with the settings above.
func (r *Rooms) validate() (errs []error) {
	if r.MaxParticipants < 0 {
		errs = append(errs, errors.New("max-participants: must not be negative"))
	}
	if r.JoinsPerAddress < 1 {
		errs = append(errs, errors.New("joins-per-address: must be at least 1"))
	}
	if r.LastN < 0 {
		errs = append(errs, errors.New("last-n: must not be negative"))
	}
	if r.Loudest < 0 {
		errs = append(errs, errors.New("loudest: must not be negative"))
	}
	for name, d := range map[string]time.Duration{"empty-timeout": r.EmptyTimeout, "departure-timeout": r.DepartureTimeout} {
		if d < 0 || d > 24*time.Hour {
			errs = append(errs, fmt.Errorf("%s: %v is not between 0 and 24h", name, d))
		}
	}
	return errs
}
