package fmp4

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/tuttilive/tutti/internal/media"
)

// Init makes the init segment (ftyp and moov) for fragments of these tracks.
func Init(tracks ...*Track) ([]byte, error) {
	if len(tracks) == 0 {
		return nil, errors.New("fmp4: no tracks")
	}
	init := mp4.NewMP4Init()
	init.AddChild(mp4.NewFtyp("iso6", 0, []string{"iso6", "cmfc", "mp41"}))
	moov := mp4.NewMoovBox()
	init.AddChild(moov)
	moov.AddChild(mp4.CreateMvhd())
	moov.AddChild(mp4.NewMvexBox())
	for _, t := range tracks {
		kind := t.format.Kind()
		trak := mp4.CreateEmptyTrak(t.ID, t.Timescale, kind.String(), "und")
		if kind == media.Video {
			trak.Tkhd.Width, trak.Tkhd.Height = mp4.Fixed32(t.Width<<16), mp4.Fixed32(t.Height<<16)
		}
		trak.Mdia.Minf.Stbl.Stsd.AddChild(t.entry)
		moov.AddChild(trak)
		moov.Mvex.AddChild(mp4.CreateTrex(t.ID))
		moov.Mvhd.NextTrackID = max(moov.Mvhd.NextTrackID, t.ID+1)
	}
	w := bits.NewFixedSliceWriter(int(init.Size()))
	if err := init.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("fmp4: writing init segment: %w", err)
	}
	return w.Bytes(), nil
}
