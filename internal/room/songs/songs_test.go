package songs

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	noon     = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ann, bob = Person{"ann", "Ann"}, Person{"bob", "Bob"}
)

func request(t *testing.T, s *Songs, by Person, listed string, a About) string {
	t.Helper()
	id, err := s.Request(by, listed, a)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func queued(s *Songs) (ids []string) {
	for _, song := range s.View().Queue {
		ids = append(ids, song.ID)
	}
	return ids
}

func TestTheQueue(t *testing.T) {
	s := &Songs{}
	first := request(t, s, ann, "", About{Title: " One\u202e  two ", URL: "https://evil.example/x"})
	if now := s.View().Now; now == nil || now.ID != first || now.Title != "One two" || now.URL != "" {
		t.Fatalf("%+v", now)
	}
	a, b, c := request(t, s, bob, "", About{Title: "A"}), request(t, s, ann, "", About{Title: "B"}), request(t, s, bob, "", About{Title: "C"})
	if err := s.Move(c, 0); err != nil || !slices.Equal(queued(s), []string{c, a, b}) {
		t.Errorf("%v, %v", queued(s), err)
	}
	if err := s.Remove(a, "ann", false); !errors.Is(err, ErrNotYours) {
		t.Error(err)
	}
	if err := s.Remove(first, "host", true); err != nil || s.View().Now.ID != c {
		t.Errorf("after it was skipped: %+v, %v", s.View().Now, err)
	}
	for range MaxOwn {
		_, _ = s.Request(ann, "", About{Title: "x"})
	}
	if _, err := s.Request(ann, "", About{Title: "x"}); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if _, err := s.Request(bob, "l99", About{}); !errors.Is(err, ErrNoSong) {
		t.Error(err)
	}
}

func TestPlayingAndSingingInTurns(t *testing.T) {
	s := &Songs{}
	listed, err := s.List(About{Title: "Duet", URL: "/songs/duet.mp3", Lyrics: ParseLRC("[00:01]la")})
	if err != nil {
		t.Fatal(err)
	}
	id := request(t, s, ann, listed, About{})
	if err := s.Play(id, "bob", 0, noon); !errors.Is(err, ErrNotYours) {
		t.Error(err)
	}
	if err := s.Play(id, "ann", 12.5, noon); err != nil || !s.View().Now.Began.Equal(noon.Add(-12500*time.Millisecond)) {
		t.Errorf("%+v, %v", s.View().Now, err)
	}
	if err := s.HandOver(id, "ann", 20, noon); !errors.Is(err, ErrDuet) {
		t.Error(err)
	}
	if err := s.Join(id, bob); err != nil {
		t.Fatal(err)
	}
	if err := s.HandOver(id, "ann", 20, noon.Add(8*time.Second)); err != nil {
		t.Fatal(err)
	}
	if now := s.View().Now; now.Turn != 1 || !now.Began.Equal(noon.Add(-12*time.Second)) {
		t.Errorf("%+v", now)
	}
	if err := s.Pause(id, "bob", 21); err != nil || !s.View().Now.Began.IsZero() || s.View().Now.Position != 21 {
		t.Errorf("%+v, %v", s.View().Now, err)
	}
	if song, lines := s.Lyrics(); song != id || len(lines) != 1 {
		t.Error(song, lines)
	}
	// The song of the list goes on with who is left; one from a file would not.
	if !s.Gone("ann") || s.View().Now == nil || s.View().Now.Singers[s.View().Now.Turn] != bob {
		t.Errorf("%+v", s.View().Now)
	}
	if !s.Gone("bob") || s.View().Now != nil || s.Gone("bob") {
		t.Errorf("%+v", s.View().Now)
	}
	own := request(t, s, ann, "", About{Title: "From a file"})
	_ = s.Join(own, bob)
	if err := s.HandOver(own, "ann", 1, noon); !errors.Is(err, ErrNoFile) {
		t.Error(err)
	}
	if err := s.Play(own, "ann", -1, noon); !errors.Is(err, ErrSeconds) {
		t.Error(err)
	}
	if s.Gone("ann"); s.View().Now != nil {
		t.Error("a file is sung to without who has it")
	}
}

func TestAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"/songs/a.mp3": true, "https://music.example/a.mp3": false, "http://music.example/a.mp3": false, "//music.example/a": false, "/\\music.example": false,
		"javascript:alert(1)": false, "data:audio/wav;base64,": false, "https://me:secret@music.example/": false, "a.mp3": false,
		"/" + strings.Repeat("a", MaxURLBytes): false,
	} {
		if goodURL(address) != good {
			t.Errorf("%.40s is %v", address, !good)
		}
	}
}

func TestLRC(t *testing.T) {
	got := ParseLRC("\ufeff[ti:Song]\r\n[offset:+500]\n[00:02.50][00:10]la <00:02.60>la\n[00:01.5] first\n[1:02:25]x\nno time\n[00:75]bad\n[00:05][chorus] o\n[00:07]\n")
	want := []Line{{1, "first"}, {2, "la la"}, {4.5, "[chorus] o"}, {6.5, ""}, {9.5, "la la"}, {61.75, "x"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func FuzzParseLRC(f *testing.F) {
	for _, s := range []string{"[00:01.00]a<00:01.20>b", "[offset:-1]\n[99:59.999]x", "[[[00:1]", "[00:01", "[00:00]<", "[offset:999999999999]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := ParseLRC(text)
		if len(lines) > MaxLines {
			t.Fatalf("%d lines", len(lines))
		}
		before := 0.0
		for _, l := range lines {
			if !(l.At >= before && l.At <= MaxSeconds+60) || len([]rune(l.Text)) > MaxLineRunes {
				t.Fatalf("%+v after %v", l, before)
			}
			before = l.At
		}
	})
}

func TestSongsAreTheSameOnceRestored(t *testing.T) {
	s := &Songs{}
	if _, err := s.List(About{Title: "Listed", URL: "/songs/a.mp3", Lyrics: []Line{{At: 1, Text: "one"}}}); err != nil {
		t.Fatal(err)
	}
	first := request(t, s, ann, "l1", About{})
	request(t, s, bob, "", About{Title: "B"})
	if err := s.Play(first, "ann", 4, noon); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s.Keep())
	if err != nil {
		t.Fatal(err)
	}
	var k Kept
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	again := Restore(k)
	if !reflect.DeepEqual(again.View(), s.View()) {
		t.Errorf("%+v instead of %+v", again.View(), s.View())
	}
	if song, lines := again.Lyrics(); song != first || len(lines) != 1 {
		t.Errorf("the lyrics are %v of %q", lines, song)
	}
	if id := request(t, &again, bob, "", About{Title: "C"}); slices.Contains([]string{"l1", first, "s3"}, id) {
		t.Errorf("%s is there twice", id)
	}
	if damaged := Restore(Kept{Now: &Playing{Turn: 3}, Queue: []Song{{ID: "x"}}}); !damaged.Empty() {
		t.Errorf("what nobody sings is kept: %+v", damaged.View())
	}
}

func TestAListHasOnlySoManyLyrics(t *testing.T) {
	s := &Songs{}
	long := About{Title: "Long", Lyrics: slices.Repeat([]Line{{Text: strings.Repeat("a", MaxLineRunes)}}, MaxLines)}
	for i := 0; i < MaxListedLyrics/bytesOf(long.Lyrics); i++ {
		if _, err := s.List(long); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.List(long); !errors.Is(err, ErrLyrics) {
		t.Error(err)
	}
	if _, err := s.List(About{Title: "Without"}); err != nil {
		t.Error(err)
	}
}

func TestSongsOfARoomFitIntoTheStore(t *testing.T) {
	const value = 8 << 20 // what the store takes
	for name, text := range map[string]string{"plain": "a", "wide": "🎵", "escaped": "<"} {
		lyrics := ParseLRC("[offset:1]\n" + strings.Repeat("[59:59.999]", MaxLines) + strings.Repeat(text, MaxLineRunes))
		if written, err := json.Marshal(lyrics); err != nil || len(lyrics) != MaxLines || len(written) > bytesOf(lyrics)+2 {
			t.Fatalf("%s: %d lines, %d bytes where at most %d were counted, %v", name, len(lyrics), len(written), bytesOf(lyrics), err)
		}
		s := &Songs{}
		full := 0
		song := About{Title: strings.Repeat(text, MaxTitleRunes), Artist: strings.Repeat(text, MaxTitleRunes), URL: "/" + strings.Repeat("&", MaxURLBytes-1), Lyrics: lyrics}
		for i := range MaxQueue {
			if _, err := s.List(song); errors.Is(err, ErrLyrics) {
				full++
			}
			by := Person{Identity: strconv.Itoa(i), Name: strings.Repeat(text, MaxTitleRunes)}
			if _, err := s.Request(by, "l1", About{}); errors.Is(err, ErrWaiting) {
				full++
			}
		}
		song.Lyrics = nil
		s.list = append(s.list, slices.Repeat([]Listed{{"l0", song}}, MaxListed-len(s.list))...)
		if full == 0 {
			t.Errorf("%s: nothing was refused", name)
		}
		if written, err := json.Marshal(s.Keep()); err != nil || len(written) > value {
			t.Errorf("%s: %d bytes are kept, %v", name, len(written), err)
		}
	}
}
