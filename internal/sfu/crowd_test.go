package sfu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

// open is an open microphone whose sound comes with redundancy, and what one listener gets of it.
type open struct {
	name     string
	loudness uint8
	track    *track.Track
	intake   *intake
	came     reception
	listener *Sender
	lost     int
}

// Three hundred have their microphones open, with redundancy, and 5 % of their packets are lost on the way to us. Five speak: of them a listener who does without redundancy
// gets nearly all, in order and with dense numbers, of the others nothing. One of the others speaks up, and takes somebody's place with what was lost of it made good as well.
func TestRedundantSoundOfTheLoudestAmongHundreds(t *testing.T) {
	inWorld(t, func(w *world) {
		const people, loudest = 300, 5
		random := rand.New(rand.NewPCG(1, 2))
		speakers, choice := NewSpeakers(), new(Loudest)
		var all []*open
		for i := range people {
			m := &open{name: fmt.Sprint("voice ", i), loudness: 75, track: w.track(media.Opus)}
			m.intake = newIntake(media.Opus, m.track.AddLayer(""))
			m.came.clockRate = media.Opus.ClockRate()
			m.listener = w.sender(m.track, media.Opus)
			all = append(all, m)
		}
		number := 0
		hold := func() {
			speakers.Look(w.now)
			choice.Choose(speakers, loudest, w.now)
			for _, m := range all {
				m.track.SetWithheld(!choice.Heard(m.name))
			}
		}
		go20 := func() {
			number++
			w.now += 20 * ms
			for _, m := range all {
				p := redPacket(number, 1)
				p.Arrival, p.SSRC = w.now, 1
				if random.Float64() < 0.05 {
					m.lost++
					continue
				}
				speakers.Hear(m.name, []Loudness{{At: w.now, Level: m.loudness + uint8(number*7%9)}})
				kept := m.intake.restore(nil, p, &m.came, true)
				if keep, _ := m.intake.take(p, &m.came, true); keep {
					kept = append(kept, p)
				}
				for _, k := range kept {
					m.intake.layer.Write(k)
				}
				m.intake.layer.Flush()
			}
			w.work()
			if number%2 == 0 {
				hold()
			}
		}
		// during lets packets come and tells how many each listener got, after checking that there is no hole but where two were lost in a row.
		during := func(packets int) map[string]int {
			t.Helper()
			w.sent = make(map[*rtc.Outbound][]rtc.Packet)
			for range packets {
				go20()
			}
			got := make(map[string]int)
			for _, m := range all {
				sent := w.sent[m.listener.out]
				if len(sent) > 0 {
					got[m.name] = len(sent)
				}
				for i := 1; i < len(sent); i++ {
					before, p := sent[i-1], sent[i]
					if p.Seq-before.Seq != uint16((p.Timestamp-before.Timestamp)/960) {
						t.Errorf("%s: number %d of %d follows %d of %d", m.name, p.Seq, p.Timestamp, before.Seq, before.Timestamp)
					}
				}
			}
			return got
		}
		for _, m := range all[:loudest] {
			m.loudness = 30
		}
		for range 100 { // until it is known who speaks
			go20()
		}
		const stretch = 500
		got := during(stretch)
		heard := 0
		for _, m := range all[:loudest] {
			heard += got[m.name]
		}
		if len(got) != loudest || heard < loudest*stretch*99/100 {
			t.Errorf("%d of %d packets of %d voices are heard: %v", heard, loudest*stretch, loudest, got)
		}
		if all[0].lost < stretch/50 {
			t.Errorf("%d packets were lost: nothing is proven", all[0].lost)
		}

		late := all[people-1]
		late.loudness = 10
		for range 50 { // it takes a tenth of a second, and somebody leaves
			go20()
		}
		got = during(stretch)
		if len(got) != loudest || got[late.name] < stretch*99/100 {
			t.Errorf("of who speaks up %d packets of %d are heard; heard are %v", got[late.name], stretch, got)
		}
	})
}
