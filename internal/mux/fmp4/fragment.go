package fmp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/tuttilive/tutti/internal/media"
)

// MaxFragmentBytes bounds one fragment: offsets in it have 31 bits.
const MaxFragmentBytes = 64 << 20

// Sample is one access unit of a run.
type Sample struct {
	// Payload as media.Frame has it; it is copied.
	Payload []byte
	// Duration until the next sample, and Offset of the presentation from the decode time, in the track's ticks.
	Duration uint32
	Offset   int32
	// Keyframe tells that decoding can start here.
	Keyframe bool
}

// Run is an unbroken sequence of samples of one track.
type Run struct {
	Track *Track
	// Start is the decode time of the first sample in the track's ticks.
	Start   uint64
	Samples []Sample
}

// Fragment makes one moof and mdat of a run for each track; runs without samples are left out. sequence should rise
// from fragment to fragment (ISO 14496-12, section 8.8.5).
func Fragment(sequence uint32, runs ...Run) ([]byte, error) {
	moof := &mp4.MoofBox{}
	if err := moof.AddChild(mp4.CreateMfhd(sequence)); err != nil {
		return nil, fmt.Errorf("fmp4: %w", err)
	}
	const boxHeader = 8
	data, truns := boxHeader, make([]*mp4.TrunBox, 0, len(runs))
	for i := range runs {
		if len(runs[i].Samples) == 0 {
			continue
		}
		trun := runs[i].describe()
		trun.DataOffset = int32(data)
		if data += runs[i].size(); data > MaxFragmentBytes {
			return nil, fmt.Errorf("fmp4: fragment of more than %d bytes", MaxFragmentBytes)
		}
		traf := &mp4.TrafBox{}
		for _, box := range []mp4.Box{runs[i].header(), decodeTime(runs[i].Start), trun} {
			if err := traf.AddChild(box); err != nil {
				return nil, fmt.Errorf("fmp4: %w", err)
			}
		}
		truns = append(truns, trun)
		if err := moof.AddChild(traf); err != nil {
			return nil, fmt.Errorf("fmp4: %w", err)
		}
	}
	if len(truns) == 0 {
		return nil, errors.New("fmp4: fragment without samples")
	}
	size := int(moof.Size())
	for _, trun := range truns {
		trun.DataOffset += int32(size) // from the start of the moof (default-base-is-moof)
	}
	w := bits.NewFixedSliceWriter(size + data)
	if err := moof.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("fmp4: writing fragment: %w", err)
	}
	w.WriteUint32(uint32(data))
	w.WriteString("mdat", false)
	for i := range runs {
		for j := range runs[i].Samples {
			w.WriteBytes(runs[i].prefix(j))
			w.WriteBytes(runs[i].Samples[j].Payload)
		}
	}
	if err := w.AccError(); err != nil {
		return nil, fmt.Errorf("fmp4: writing fragment: %w", err)
	}
	return w.Bytes(), nil
}

// header describes what all samples of the run have in common: for sound, that each is a keyframe.
// Pause writes a moof and an mdat that say of an interval that it has no samples (ISO/IEC 14496-12, section 8.8.7: duration-is-empty).
// Start and duration are in the track's ticks.
func Pause(sequence uint32, t *Track, start uint64, duration uint32) ([]byte, error) {
	header := mp4.CreateTfhd(t.ID)
	header.Flags |= mp4.TfhdDurationIsEmptyFlag | mp4.TfhdDefaultSampleDurationPresentFlag
	header.DefaultSampleDuration = duration
	traf := &mp4.TrafBox{}
	moof := &mp4.MoofBox{}
	if err := errors.Join(moof.AddChild(mp4.CreateMfhd(sequence)), traf.AddChild(header), traf.AddChild(decodeTime(start)), moof.AddChild(traf)); err != nil {
		return nil, fmt.Errorf("fmp4: %w", err)
	}
	const emptyBox = 8
	w := bits.NewFixedSliceWriter(int(moof.Size()) + emptyBox)
	if err := moof.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("fmp4: writing a pause: %w", err)
	}
	w.WriteUint32(emptyBox)
	w.WriteString("mdat", false)
	if err := w.AccError(); err != nil {
		return nil, fmt.Errorf("fmp4: writing a pause: %w", err)
	}
	return w.Bytes(), nil
}

func (r *Run) header() *mp4.TfhdBox {
	h := mp4.CreateTfhd(r.Track.ID)
	if r.Track.Format().Kind() == media.Audio {
		h.Flags |= mp4.TfhdDefaultSampleFlagsPresentFlag
		h.DefaultSampleFlags = mp4.SyncSampleFlags
	}
	return h
}

// decodeTime is always the 64-bit version, so that a fragment's size does not depend on the time.
func decodeTime(start uint64) *mp4.TfdtBox {
	t := mp4.CreateTfdt(start)
	t.Version = 1
	return t
}

// prefix is what goes before the payload of sample i.
func (r *Run) prefix(i int) []byte {
	if r.Samples[i].Keyframe {
		return r.Track.prefix
	}
	return nil
}

func (r *Run) size() int {
	n := 0
	for i := range r.Samples {
		n += len(r.prefix(i)) + len(r.Samples[i].Payload)
		if n > math.MaxInt32 {
			return n
		}
	}
	return n
}

func (r *Run) describe() *mp4.TrunBox {
	trun := mp4.CreateTrun(0)
	if r.Track.Format().Kind() == media.Audio {
		trun.Flags &^= mp4.TrunSampleFlagsPresentFlag | mp4.TrunSampleCompositionTimeOffsetPresentFlag
	}
	trun.Samples = make([]mp4.Sample, len(r.Samples))
	for i, s := range r.Samples {
		flags := mp4.NonSyncSampleFlags
		if s.Keyframe {
			flags = mp4.SyncSampleFlags
		}
		trun.Samples[i] = mp4.Sample{
			Flags: flags, Dur: s.Duration, CompositionTimeOffset: s.Offset,
			Size: uint32(len(r.prefix(i)) + len(s.Payload)),
		}
	}
	return trun
}
