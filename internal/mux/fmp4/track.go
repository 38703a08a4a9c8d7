package fmp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/Eyevinn/mp4ff/vp9"

	"github.com/tuttilive/tutti/internal/media"
)

// VideoTimescale is the number of ticks a second of picture tracks. Sound tracks tick at their sample rate.
const VideoTimescale = 90000

// Bounds on what a format may carry; real parameter sets have some tens of bytes.
const (
	maxParameterSet = 4 << 10
	maxAudioConfig  = 64 // descriptors with lengths of one byte go round it
	maxDimension    = 1<<16 - 1
	maxSampleRate   = 192000
)

// ErrNoParameters tells that a format lacks what a decoder must know before the first frame.
var ErrNoParameters = errors.New("fmp4: format has no parameter sets")

// Track is how frames of one format are stored. It is immutable.
type Track struct {
	// ID is the track's number in the file, from 1.
	ID uint32
	// Timescale is in ticks a second.
	Timescale uint32
	// Codecs names the format as RFC 6381 wants it, for instance "avc1.42C01F".
	Codecs string
	// Width and Height are in pixels, 0 for sound.
	Width, Height int
	// Channels is 0 for pictures.
	Channels int

	format *media.Format
	entry  mp4.Box // the sample entry (ISO 14496-12, section 8.5.2)
	// prefix goes before the payload of each keyframe: see parameterPrefix.
	prefix []byte
}

// NewTrack makes a track for a format. It fails when the format lacks parameters, when they are malformed, or when MP4
// cannot carry the codec (VP8).
func NewTrack(id uint32, f *media.Format) (t *Track, err error) {
	// The parameter sets come from the network and the parsers are not ours.
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("fmp4: %s parameters: %v", f.Codec, r)
		}
	}()
	for _, set := range [][]byte{f.VPS, f.SPS, f.PPS, f.Config} {
		if len(set) > maxParameterSet {
			return nil, fmt.Errorf("fmp4: %s parameters of %d bytes are too large", f.Codec, len(set))
		}
	}
	t = &Track{ID: id, Timescale: VideoTimescale, Width: f.Width, Height: f.Height, format: f}
	switch f.Codec {
	case media.H264:
		err = t.describeH264(f)
	case media.H265:
		err = t.describeH265(f)
	case media.AV1:
		err = t.describeAV1(f)
	case media.VP9:
		err = t.describeVP9(f)
	case media.AAC, media.Opus:
		err = t.describeSound(f)
	default:
		err = fmt.Errorf("fmp4: cannot carry %s", f.Codec)
	}
	if err != nil {
		return nil, err
	}
	if f.Kind() == media.Video && (t.Width <= 0 || t.Height <= 0 || t.Width > maxDimension || t.Height > maxDimension) {
		return nil, fmt.Errorf("fmp4: %s picture of %dx%d", f.Codec, t.Width, t.Height)
	}
	return t, nil
}

// Format is the format the track was made for.
func (t *Track) Format() *media.Format { return t.format }

// Ticks converts a duration to the track's timescale, rounding to the nearest tick.
func (t *Track) Ticks(d time.Duration) int64 { return Ticks(d, t.Timescale) }

// Duration converts ticks of the track to a duration.
func (t *Track) Duration(ticks int64) time.Duration {
	scale := int64(t.Timescale)
	return time.Duration(ticks/scale)*time.Second + time.Duration(ticks%scale)*time.Second/time.Duration(scale)
}

// Ticks converts a duration to a timescale without overflow, rounding to the nearest tick.
func Ticks(d time.Duration, timescale uint32) int64 {
	seconds, rest := d/time.Second, d%time.Second
	half := time.Second / 2
	if rest < 0 {
		half = -half
	}
	return int64(seconds)*int64(timescale) + int64((rest*time.Duration(timescale)+half)/time.Second)
}

func (t *Track) describeH264(f *media.Format) error {
	if len(f.SPS) == 0 || len(f.PPS) == 0 {
		return ErrNoParameters
	}
	sps, err := avc.ParseSPSNALUnit(f.SPS, false)
	if err != nil {
		return fmt.Errorf("fmp4: sequence parameter set: %w", err)
	}
	avcC, err := mp4.CreateAvcC([][]byte{f.SPS}, [][]byte{f.PPS}, true)
	if err != nil {
		return fmt.Errorf("fmp4: %w", err)
	}
	t.Width, t.Height = int(sps.Width), int(sps.Height)
	t.Codecs = avc.CodecString("avc1", sps)
	t.entry = mp4.CreateVisualSampleEntryBox("avc1", uint16(t.Width), uint16(t.Height), avcC)
	t.prefix = parameterPrefix(f.SPS, f.PPS)
	return nil
}

// parameterPrefix repeats the parameter sets in band. A player should take them from the sample entry (ISO 14496-15,
// section 5.3.3), but those built on ffmpeg read one init segment only, and so would not follow a change of
// resolution; for all others the repetition is harmless.
func parameterPrefix(sets ...[]byte) []byte {
	var p []byte
	for _, set := range sets {
		p = binary.BigEndian.AppendUint32(p, uint32(len(set)))
		p = append(p, set...)
	}
	return p
}

func (t *Track) describeH265(f *media.Format) error {
	if len(f.VPS) == 0 || len(f.SPS) == 0 || len(f.PPS) == 0 {
		return ErrNoParameters
	}
	sps, err := hevc.ParseSPSNALUnit(f.SPS)
	if err != nil {
		return fmt.Errorf("fmp4: sequence parameter set: %w", err)
	}
	hvcC, err := mp4.CreateHvcC([][]byte{f.VPS}, [][]byte{f.SPS}, [][]byte{f.PPS}, true, true, true, true)
	if err != nil {
		return fmt.Errorf("fmp4: %w", err)
	}
	width, height := sps.ImageSize()
	t.Width, t.Height = int(width), int(height)
	t.Codecs = hevc.CodecString("hvc1", sps)
	t.entry = mp4.CreateVisualSampleEntryBox("hvc1", uint16(t.Width), uint16(t.Height), hvcC)
	return nil
}

func (t *Track) describeAV1(f *media.Format) error {
	if len(f.Config) == 0 {
		return ErrNoParameters
	}
	obus, err := av1.SplitOBUs(f.Config)
	if err != nil {
		return fmt.Errorf("fmp4: AV1 configuration: %w", err)
	}
	for _, obu := range obus {
		if obu.Header.Type != av1.OBUSequenceHeader {
			continue
		}
		header, err := av1.ParseSequenceHeader(obu.Payload)
		if err != nil {
			return fmt.Errorf("fmp4: AV1 sequence header: %w", err)
		}
		config := f.Config
		if !obu.Header.HasSizeField {
			obu.Header.HasSizeField = true
			config = obu.Encode()
		}
		t.Width, t.Height = int(header.Width()), int(header.Height())
		t.Codecs = header.CodecString("av01")
		t.entry = mp4.CreateVisualSampleEntryBox("av01", uint16(t.Width), uint16(t.Height),
			&mp4.Av1CBox{CodecConfRec: av1.CodecConfRecFromSequenceHeader(header, config)})
		return nil
	}
	return ErrNoParameters
}

func (t *Track) describeVP9(f *media.Format) error {
	config := f.Config
	if len(config) >= 12 && config[0] == 1 && config[1]|config[2]|config[3] == 0 {
		config = config[4:] // with the version and flags of the box
	}
	vpcC := &mp4.VppCBox{Version: 1, BitDepth: 8, ChromaSubsampling: 1,
		Level:           vp9.Level(uint32(max(f.Width, 0)), uint32(max(f.Height, 0)), 30),
		ColourPrimaries: 2, TransferCharacteristics: 2, MatrixCoefficients: 2}
	if len(config) >= 8 {
		vpcC.Profile, vpcC.Level = config[0], config[1]
		vpcC.BitDepth, vpcC.ChromaSubsampling, vpcC.VideoFullRangeFlag = config[2]>>4, config[2]>>1&7, config[2]&1
		vpcC.ColourPrimaries, vpcC.TransferCharacteristics, vpcC.MatrixCoefficients = config[3], config[4], config[5]
	}
	t.Codecs = fmt.Sprintf("vp09.%02d.%02d.%02d", vpcC.Profile, vpcC.Level, vpcC.BitDepth)
	t.entry = mp4.CreateVisualSampleEntryBox("vp09", uint16(f.Width), uint16(f.Height), vpcC)
	return nil
}

func (t *Track) describeSound(f *media.Format) error {
	if f.SampleRate <= 0 || f.SampleRate > maxSampleRate || f.Channels <= 0 || f.Channels > 8 {
		return fmt.Errorf("fmp4: sound of %d Hz and %d channels", f.SampleRate, f.Channels)
	}
	t.Timescale, t.Channels = uint32(f.SampleRate), f.Channels
	t.Width, t.Height = 0, 0
	// The entry's rate has 16 bits; larger rates are in the codec's own configuration only.
	rate := uint16(0)
	if f.SampleRate <= 1<<16-1 {
		rate = uint16(f.SampleRate)
	}
	if f.Codec == media.Opus {
		t.Timescale = 48000
		t.Codecs = "opus"
		// The pre-skip is 0: frames carry the time at which they sound.
		t.entry = mp4.CreateAudioSampleEntryBox("Opus", uint16(f.Channels), 16, 48000,
			&mp4.DopsBox{OutputChannelCount: byte(f.Channels), InputSampleRate: uint32(f.SampleRate)})
		return nil
	}
	object := audioObjectType(f.Config)
	if object == 0 {
		return ErrNoParameters
	}
	if len(f.Config) > maxAudioConfig {
		return fmt.Errorf("fmp4: AAC configuration of %d bytes", len(f.Config))
	}
	t.Codecs = fmt.Sprintf("mp4a.40.%d", object)
	t.entry = mp4.CreateAudioSampleEntryBox("mp4a", uint16(f.Channels), 16, rate, mp4.CreateEsdsBox(bytes.Clone(f.Config)))
	return nil
}

// audioObjectType reads the first field of an AudioSpecificConfig (ISO 14496-3, section 1.6.2.1); 0 when there is none.
func audioObjectType(config []byte) int {
	if len(config) < 2 {
		return 0
	}
	object := int(config[0] >> 3)
	if object == 31 {
		object = 32 + int(config[0]&7)<<3 + int(config[1]>>5)
	}
	return object
}
