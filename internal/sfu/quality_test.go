package sfu

import (
	"testing"

	"github.com/tuttilive/tutti/internal/media"
)

func TestGrade(t *testing.T) {
	sound := func(lost float64, change func(*Passage)) Passage {
		p := Passage{Kind: media.Audio, Expected: 250, Lost: lost, RTT: 40 * ms, Jitter: 3 * ms}
		if change != nil {
			change(&p)
		}
		return p
	}
	picture := func(lost float64, change func(*Passage)) Passage {
		p := sound(lost, change)
		p.Kind = media.Video
		return p
	}
	tests := map[string]struct {
		passages []Passage
		want     Quality
	}{
		"nothing is sent":           {nil, ExcellentQuality},
		"muted":                     {[]Passage{{Kind: media.Audio}}, ExcellentQuality},
		"a good line":               {[]Passage{sound(0, nil), picture(0, nil)}, ExcellentQuality},
		"1 % lost":                  {[]Passage{sound(0.01, nil)}, ExcellentQuality},
		"4 % lost":                  {[]Passage{sound(0.04, nil)}, GoodQuality},
		"15 % lost":                 {[]Passage{sound(0.15, nil)}, PoorQuality},
		"5 % lost with redundancy":  {[]Passage{sound(0.05, func(p *Passage) { p.Redundant = true })}, ExcellentQuality},
		"20 % lost with redundancy": {[]Passage{sound(0.20, func(p *Passage) { p.Redundant = true })}, GoodQuality},
		"a picture with 3 % lost":   {[]Passage{picture(0.03, nil)}, ExcellentQuality},
		"a picture with 20 % lost":  {[]Passage{picture(0.20, nil)}, PoorQuality},
		"200 ms there and back":     {[]Passage{sound(0, func(p *Passage) { p.RTT = 200 * ms })}, ExcellentQuality},
		"600 ms there and back":     {[]Passage{sound(0, func(p *Passage) { p.RTT = 600 * ms })}, GoodQuality},
		"1.2 s there and back":      {[]Passage{sound(0, func(p *Passage) { p.RTT = 1200 * ms })}, PoorQuality},
		"jitter of 100 ms":          {[]Passage{sound(0, func(p *Passage) { p.Jitter = 100 * ms })}, ExcellentQuality},
		"jitter of 100 ms and 2 %":  {[]Passage{sound(0.02, func(p *Passage) { p.Jitter = 100 * ms })}, GoodQuality},
		"a smaller picture":         {[]Passage{sound(0, nil), picture(0, func(p *Passage) { p.Limited = true })}, GoodQuality},
		"a picture that is missing": {[]Passage{sound(0, nil), picture(0, func(p *Passage) { p.Expected = 0; p.Suspended = true })}, PoorQuality},
		"nothing comes":             {[]Passage{sound(0, func(p *Passage) { p.Silent = true })}, LostQuality},
		"sound comes, no picture":   {[]Passage{sound(0, nil), picture(0, func(p *Passage) { p.Silent = true })}, PoorQuality},
		"the worst of several":      {[]Passage{sound(0, nil), sound(0.2, nil), sound(0, nil)}, PoorQuality},
		"more than all is lost":     {[]Passage{sound(7, nil)}, PoorQuality},
		"less than nothing is lost": {[]Passage{sound(-1, nil)}, ExcellentQuality},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			score, got := Grade(tt.passages)
			if got != tt.want || score < 1 || score > 5 {
				t.Errorf("%d with %.2f, want %d", got, score, tt.want)
			}
		})
	}
}

func TestGradeFallsWithLoss(t *testing.T) {
	last := 6.0
	for lost := 0.0; lost <= 1; lost += 0.01 {
		score, _ := Grade([]Passage{{Kind: media.Audio, Expected: 1, Lost: lost}})
		if score > last {
			t.Fatalf("%.2f at %.0f %% loss, %.2f below it", score, 100*lost, last)
		}
		last = score
	}
	if last > 1.1 {
		t.Errorf("%.2f when all is lost", last)
	}
}
