package studio

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc"
)

const testGrace = 10 * time.Second

// inHouse runs a test in virtual time.
func inHouse(t *testing.T, test func(t *testing.T, h *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := NewHouse(Options{AwayGrace: testGrace, Log: slog.New(slog.DiscardHandler)})
		defer h.Close()
		test(t, h)
	})
}

// heard keeps what an observer hears.
type heard struct {
	mu     sync.Mutex
	events []room.Event
}

func (h *heard) RoomEvent(e room.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// any tells whether an event was heard that match likes.
func (h *heard) any(match func(room.Event) bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.events, match)
}

func enter(t *testing.T, h *House, identity string, change func(*room.Join)) *Participant {
	t.Helper()
	j := room.Join{Identity: identity, Permission: room.Permission{Publish: true, Subscribe: true, UpdateMetadata: true}}
	if change != nil {
		change(&j)
	}
	p, err := h.Enter("r", j, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func asIngest(j *room.Join) { j.Kind = room.Ingest }
func asHidden(j *room.Join) { j.Permission.Hidden = true }

func publish(t *testing.T, p *Participant, sid string) {
	t.Helper()
	if _, err := p.PublishFrames(picture(sid)); err != nil {
		t.Fatal(err)
	}
}

func picture(sid string) room.Publication {
	return room.Publication{SID: sid, Kind: media.Video, Codec: media.H264, Source: room.Camera}
}

func (s *Studio) onAir() bool {
	_, err := s.LiveStatus()
	return err == nil
}

func TestAnIngestThatComesBackInTimeKeepsItsShow(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		p := enter(t, h, "obs", asIngest)
		publish(t, p, "TR_1")
		w, err := h.Watch("r", "flv")
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		p.Leave(room.LeftByItself)
		time.Sleep(testGrace - time.Second)
		p = enter(t, h, "obs", asIngest)
		time.Sleep(2 * time.Second)
		publish(t, p, "TR_2")
		again, err := h.Watch("r", "flv")
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if w.Program() != again.Program() {
			t.Error("the program is another one")
		}
		// Leaving a second time gives the whole grace again.
		p.Leave(room.LeftByItself)
		time.Sleep(testGrace - time.Second)
		if !p.Studio().onAir() {
			t.Error("the show ended too early")
		}
		time.Sleep(2 * time.Second)
		if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("an empty room is still there: %v", err)
		}
	})
}

func TestSomebodyWhoComesDoesNotKeepTheShowOfAnIngest(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		ingest := enter(t, h, "obs", asIngest)
		publish(t, ingest, "TR_1")
		ingest.Leave(room.LeftByItself)
		time.Sleep(testGrace / 2)
		p := enter(t, h, "anna", nil)
		time.Sleep(testGrace)
		if p.Studio().onAir() {
			t.Error("the room is on the air by accident")
		}
		if p.Self().Identity != "anna" {
			t.Error("the room closed")
		}
	})
}

func TestAPersonWithAnIngestsIdentityIsNoIngest(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		ingest := enter(t, h, "obs", asIngest)
		publish(t, ingest, "TR_1")
		p := enter(t, h, "obs", nil)
		time.Sleep(testGrace + time.Second)
		if p.Studio().onAir() {
			t.Error("still on the air")
		}
	})
}

func TestTheHostTakesOverTheShowOfAnIngest(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		ingest := enter(t, h, "obs", asIngest)
		host := enter(t, h, "host", nil)
		publish(t, ingest, "TR_1")
		ingest.Leave(room.LeftByItself)
		time.Sleep(testGrace / 2)
		if err := host.Studio().GoLive("host", "title"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * testGrace)
		live := host.Studio().Info().Live
		if !live.On || live.By != "host" || live.Title != "title" {
			t.Errorf("live: %+v", live)
		}
		if err := host.Studio().GoLive("host", ""); !errors.Is(err, room.ErrAlreadyOnAir) {
			t.Errorf("going live once more gives %v", err)
		}
	})
}

func TestTheHostsShowGoesOnWithAnIngest(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host := enter(t, h, "host", nil)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		ingest := enter(t, h, "obs", asIngest)
		publish(t, ingest, "TR_1")
		if i := host.Studio().Info(); i.Participants != 2 || i.People != 1 {
			t.Errorf("%d participants, %d of them people", i.Participants, i.People)
		}
		host.Leave(room.LeftByItself)
		time.Sleep(2 * testGrace)
		if !ingest.Studio().onAir() {
			t.Error("the show ended while the encoder was sending")
		}
		ingest.Leave(room.LeftByItself)
		time.Sleep(testGrace + time.Second)
		if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("an empty room is still there: %v", err)
		}
	})
}

func TestTracksThatNeverCameGoWithTheirPublisher(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		stays := enter(t, h, "stays", nil)
		s := stays.Studio()
		kept := func() int {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.tracks)
		}
		p := enter(t, h, "p", nil)
		if err := p.PublishInbound(room.Publication{SID: "TR_1", Kind: media.Video}, &rtc.Inbound{}); err != nil {
			t.Fatal(err)
		}
		newer := enter(t, h, "p", nil)
		if n := kept(); n != 0 {
			t.Errorf("replaced: %d tracks are kept", n)
		}
		if err := newer.PublishInbound(room.Publication{SID: "TR_2", Kind: media.Video}, &rtc.Inbound{}); err != nil {
			t.Fatal(err)
		}
		newer.Leave(room.LeftByItself)
		if n := kept(); n != 0 {
			t.Errorf("left: %d tracks are kept", n)
		}
		if err := stays.PublishInbound(room.Publication{SID: "TR_3", Kind: media.Video}, &rtc.Inbound{}); err != nil {
			t.Fatal(err)
		}
		if err := stays.Unpublish("TR_3"); err != nil || kept() != 0 {
			t.Errorf("unpublished: %v, %d tracks are kept", err, kept())
		}
	})
}

func TestOnlyThePublisherUnpublishes(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		a, b := enter(t, h, "a", nil), enter(t, h, "b", nil)
		publish(t, a, "TR_A")
		if err := b.Unpublish("TR_A"); !errors.Is(err, room.ErrNoPublication) {
			t.Errorf("unpublishing somebody else's track gives %v", err)
		}
		if _, err := a.PublishFrames(picture("TR_A")); !errors.Is(err, room.ErrPublicationDup) {
			t.Errorf("the track is gone: %v", err)
		}
		if err := a.Unpublish("TR_A"); err != nil || len(a.Self().Publications) != 0 {
			t.Errorf("unpublishing one's own gives %v", err)
		}
	})
}

func TestHiddenParticipantsAreNotOnTheAir(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host, hidden := enter(t, h, "host", nil), enter(t, h, "ghost", asHidden)
		publish(t, hidden, "TR_1")
		s := host.Studio()
		if err := s.GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		publish(t, hidden, "TR_2")
		st, err := s.LiveStatus()
		if err != nil || len(st.Sources) != 0 {
			t.Errorf("sources %+v, %v", st.Sources, err)
		}
		if picture, _ := s.air.program.Picture(); picture != nil {
			t.Errorf("viewers see %s", picture.Info().ID)
		}
	})
}

func TestPeopleDoNotWarnInTheNameOfDoors(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host, ingest := enter(t, h, "host", nil), enter(t, h, "obs", asIngest)
		publish(t, host, "TR_1")
		publish(t, ingest, "TR_2")
		many := map[string]string{}
		for i := range 100 {
			many[WarningAttribute+string(rune('A'+i))] = "x"
		}
		if err := host.Update(nil, nil, many); err != nil {
			t.Fatal(err)
		}
		st, err := host.Studio().LiveStatus()
		if err != nil || slices.ContainsFunc(st.Warnings, func(w program.Warning) bool { return w.Text == "x" }) {
			t.Errorf("warnings %+v, %v", st.Warnings, err)
		}
		if err := ingest.Update(nil, nil, many); err != nil {
			t.Fatal(err)
		}
		if st, err = host.Studio().LiveStatus(); err != nil || len(st.Warnings) != maxWarnings {
			t.Errorf("%d warnings, %v", len(st.Warnings), err)
		}
	})
}

func TestAClosedWatcherOpensNothing(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host := enter(t, h, "host", nil)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		w, err := h.Watch("r", "flv")
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		_, err = Shared(w, "flv", Briefly, func(*program.Program) (int, func(), error) { return 0, nil, nil })
		if !errors.Is(err, ErrWatcherClosed) {
			t.Errorf("opening an output gives %v", err)
		}
	})
}

func TestASharedOutputIsOpenedOnceAndLingers(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host := enter(t, h, "host", nil)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		var opened, closed atomic.Int32
		use := func() *Watcher {
			w, err := h.Watch("r", "flv")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Shared(w, "flv", Briefly, func(*program.Program) (int32, func(), error) {
				return opened.Add(1), func() { closed.Add(1) }, nil
			}); err != nil {
				t.Fatal(err)
			}
			return w
		}
		a, b := use(), use()
		a.Close()
		b.Close()
		time.Sleep(Briefly / 2)
		use().Close()
		if opened.Load() != 1 || closed.Load() != 0 {
			t.Errorf("opened %d times, closed %d times", opened.Load(), closed.Load())
		}
		time.Sleep(Briefly + time.Second)
		if closed.Load() != 1 {
			t.Errorf("closed %d times after its last viewer", closed.Load())
		}
		d, err := h.Watch("r", "hls")
		if err != nil {
			t.Fatal(err)
		}
		var kept atomic.Bool
		if _, err := Shared(d, "hls", time.Minute, func(*program.Program) (int, func(), error) {
			kept.Store(true)
			return 0, func() { kept.Store(false) }, nil
		}); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if time.Sleep(59 * time.Second); !kept.Load() {
			t.Error("what is kept for longer is closed early")
		}
		if time.Sleep(2 * time.Second); kept.Load() {
			t.Error("what is kept for longer is not closed")
		}
		c := use()
		if _, err := host.Studio().EndLive(); err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		synctest.Wait()
		if opened.Load() != 2 || closed.Load() != 2 {
			t.Errorf("with the show: opened %d times, closed %d times", opened.Load(), closed.Load())
		}
		c.Close()
		if _, err := h.Watch("r", "flv"); !errors.Is(err, ErrNotLive) {
			t.Errorf("watching after the end gives %v", err)
		}
	})
}

func TestWhatIsSaidDoesNotChangeTheStatus(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host := enter(t, h, "host", func(j *room.Join) { j.Permission.PublishData = true })
		changed := host.Studio().Changed()
		if err := host.Send(room.Data{Payload: []byte("hello")}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
			t.Error("a message woke everybody who follows the status")
		default:
		}
		enter(t, h, "guest", nil)
		<-changed
	})
}

func TestAMessageComesToThoseItNamesOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		from := enter(t, h, "from", func(j *room.Join) { j.Permission.PublishData = true })
		a, b := enter(t, h, "a", nil), enter(t, h, "b", nil)
		to := []string{"nobody", "a", "from", "a"}
		if err := from.Send(room.Data{To: to}); err != nil {
			t.Fatal(err)
		}
		if err := from.Studio().Send(room.Data{To: to}); err != nil { // the server's, which the sender may be meant by
			t.Fatal(err)
		}
		for p, want := range map[*Participant]int{from: 1, a: 2, b: 0} {
			o := p.obs.(*heard)
			o.mu.Lock()
			got := 0
			for _, e := range o.events {
				if _, ok := e.(room.DataReceived); ok {
					got++
				}
			}
			o.mu.Unlock()
			if got != want {
				t.Errorf("%s got %d, want %d", p.identity, got, want)
			}
		}
		if to[0] != "nobody" {
			t.Error("the sender's list was changed")
		}
	})
}

func TestClosingTheHouseTellsEverybody(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		obs := &heard{}
		p, err := h.Enter("r", room.Join{Identity: "a"}, obs)
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		if !obs.any(func(e room.Event) bool { return e == room.RoomClosed{Reason: room.LeftServerShutdown} }) {
			t.Error("nobody was told")
		}
		p.Leave(room.LeftByItself)
		if _, err := h.Enter("r", room.Join{Identity: "b"}, obs); !errors.Is(err, ErrShutdown) {
			t.Errorf("entering gives %v", err)
		}
	})
}

func TestWhoIsHiddenLiveLeavesTheStage(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		a, others := enter(t, h, "a", nil), &heard{}
		b, err := h.Enter("r", room.Join{Identity: "b"}, others)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, a, "TR_1")
		s := a.Studio()
		if err := s.GoLive("a", ""); err != nil {
			t.Fatal(err)
		}
		set := func(hidden bool) {
			t.Helper()
			if err := s.SetPermission("a", room.Permission{Publish: true, Hidden: hidden}); err != nil {
				t.Fatal(err)
			}
		}
		shown := func() bool {
			p, _ := s.air.program.Picture()
			return p != nil
		}
		synctest.Wait()
		if !shown() {
			t.Fatal("nothing is shown")
		}
		set(true)
		synctest.Wait()
		if shown() || s.Info().Participants != 1 {
			t.Errorf("shown %v, participants %d", shown(), s.Info().Participants)
		}
		if !others.any(func(e room.Event) bool { _, ok := e.(room.ParticipantHidden); return ok }) {
			t.Error("the others are not told")
		}
		if c := enter(t, h, "c", nil); len(c.Others()) != 1 || c.Others()[0].Identity != "b" {
			t.Errorf("others: %+v", c.Others())
		}
		set(false)
		synctest.Wait()
		if !shown() {
			t.Error("not shown again")
		}
		if !others.any(func(e room.Event) bool {
			s, ok := e.(room.ParticipantShown)
			return ok && len(s.Participant.Publications) == 1
		}) {
			t.Error("the others are not told of the return")
		}
		b.Leave(room.LeftByItself)
	})
}

func TestOnlyThePublisherUnmutes(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		p := enter(t, h, "a", nil)
		publish(t, p, "TR_1")
		s := p.Studio()
		if err := s.Mute("a", "TR_1", true); err != nil {
			t.Fatal(err)
		}
		if err := s.Mute("a", "TR_1", false); !errors.Is(err, ErrUnmute) {
			t.Errorf("unmuting from outside: %v", err)
		}
		h.remoteUnmute = true
		if err := s.Mute("a", "TR_1", false); err != nil || p.Self().Publications[0].Muted {
			t.Errorf("unmuting where it is allowed: %v", err)
		}
	})
}
