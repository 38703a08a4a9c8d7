package rtc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// allCodecs are those that we can carry, in the order in which we offer them.
var allCodecs = []media.Codec{media.Opus, media.H264, media.VP8, media.VP9, media.AV1, media.H265}

// codecOf tells which codec a remote's payload type stands for; NoCodec when it is one that we do not carry in that
// form: another clock rate, a VP9 or AV1 profile with more than 8 bits and 4:2:0, an exotic H.264 profile.
func codecOf(f *sdp.Format) media.Codec {
	codec := media.CodecByRTPName(f.Name)
	if codec == media.NoCodec || f.ClockRate != codec.ClockRate() {
		return media.NoCodec
	}
	switch codec {
	case media.Opus:
		if f.Channels != 2 {
			return media.NoCodec
		}
	case media.VP9:
		if id, ok := f.Parameter("profile-id"); ok && id != "0" {
			return media.NoCodec
		}
	case media.AV1:
		if profile, ok := f.Parameter("profile"); ok && profile != "0" {
			return media.NoCodec
		}
	case media.H264:
		if p := h264ProfileOf(f); p == unknownH264 {
			return media.NoCodec
		}
	}
	return codec
}

// h264Profile orders the H.264 profiles that we carry (RFC 6184, section 8.1).
type h264Profile uint8

const (
	unknownH264 h264Profile = iota
	baselineH264
	mainH264
	highH264
)

func h264ProfileOf(f *sdp.Format) h264Profile {
	id, ok := f.Parameter("profile-level-id")
	if !ok {
		return baselineH264 // the default, 42000A
	}
	if len(id) != 6 {
		return unknownH264
	}
	switch strings.ToLower(id[:2]) {
	case "42":
		return baselineH264
	case "4d":
		return mainH264
	case "64":
		return highH264
	}
	return unknownH264
}

// splitsUnits tells that a H.264 format allows fragmentation and aggregation (packetization-mode=1).
func splitsUnits(f *sdp.Format) bool {
	mode, _ := f.Parameter("packetization-mode")
	return mode == "1"
}

// h264Want is the profile that a stream is coded in.
func h264Want(format *media.Format) h264Profile {
	if format == nil || len(format.SPS) < 4 {
		return baselineH264
	}
	switch format.SPS[1] {
	case 77, 88:
		return mainH264
	case 66:
		return baselineH264
	}
	return highH264
}

// chooseFormat finds the remote's payload type for a stream that we send; nil when it takes none.
func chooseFormat(formats []sdp.Format, codec media.Codec, format *media.Format) *sdp.Format {
	var best *sdp.Format
	rank := 0
	for i := range formats {
		f := &formats[i]
		if codecOf(f) != codec {
			continue
		}
		r := 1
		if codec == media.H264 {
			if !splitsUnits(f) {
				continue
			}
			switch h264ProfileOf(f) {
			case h264Want(format):
				r = 3
			case baselineH264:
				r = 2 // decoders are rarely as limited as they say
			}
		}
		if r > rank {
			best, rank = f, r
		}
	}
	return best
}

// repairOf finds the RTX payload type of another one (RFC 4588, section 8.6).
func repairOf(formats []sdp.Format, pt uint8) *sdp.Format {
	for i := range formats {
		if f := &formats[i]; strings.EqualFold(f.Name, "rtx") {
			if apt, _ := f.Parameter("apt"); apt == fmt.Sprint(pt) {
				return f
			}
		}
	}
	return nil
}

// redundant tells that a format is redundant audio (RFC 2198) of nothing but Opus, and of which payload type.
func redundant(f *sdp.Format, formats []sdp.Format) (opus uint8, ok bool) {
	if !strings.EqualFold(f.Name, "red") || f.ClockRate != media.Opus.ClockRate() || f.Channels != 2 {
		return 0, false
	}
	first, _, _ := strings.Cut(f.Parameters, "/")
	for block := range strings.SplitSeq(f.Parameters, "/") {
		if block != first {
			return 0, false
		}
	}
	i := slices.IndexFunc(formats, func(o sdp.Format) bool {
		return codecOf(&o) == media.Opus && strconv.Itoa(int(o.PayloadType)) == first
	})
	if i < 0 {
		return 0, false
	}
	return formats[i].PayloadType, true
}

// redundancyOf finds the payload type of redundant audio whose blocks are of another one.
func redundancyOf(formats []sdp.Format, opus uint8) *sdp.Format {
	for i := range formats {
		if blocks, ok := redundant(&formats[i], formats); ok && blocks == opus {
			return &formats[i]
		}
	}
	return nil
}

// acceptFormats are the remote's payload types of the codecs given, in the codecs' order, or in the remote's when ordered
// is false.
func acceptFormats(formats []sdp.Format, codecs []media.Codec, ordered bool) []sdp.Format {
	var accepted []sdp.Format
	rank := func(f sdp.Format) int { return slices.Index(codecs, codecOf(&f)) }
	// Without packetization-mode=1 H.264 is only taken when there is nothing better.
	splits := slices.ContainsFunc(formats, func(f sdp.Format) bool { return codecOf(&f) == media.H264 && splitsUnits(&f) })
	for i := range formats {
		f := formats[i]
		if rank(f) < 0 || codecOf(&f) == media.H264 && splits && !splitsUnits(&f) {
			continue
		}
		accepted = append(accepted, f)
	}
	if ordered {
		slices.SortStableFunc(accepted, func(a, b sdp.Format) int { return rank(a) - rank(b) })
	}
	return accepted
}

// answerParameters are the fmtp of a payload type that we accept: the remote's own, except that Opus parameters tell
// what their writer wants to receive (RFC 7587, section 6.1).
func answerParameters(f *sdp.Format) string {
	if codecOf(f) != media.Opus {
		return f.Parameters
	}
	parameters := opusParameters
	for _, name := range []string{"stereo", "sprop-stereo"} {
		if v, _ := f.Parameter(name); v == "1" {
			return parameters + ";stereo=1"
		}
	}
	return parameters
}

const opusParameters = "minptime=10;useinbandfec=1"

// payload is what a payload type means, as one bundle has one meaning for each.
type payload struct {
	codec   media.Codec
	profile h264Profile
	repair  bool
	red     bool
}

// payloadTypes assigns payload types within one bundle. Whoever names one first decides.
type payloadTypes struct {
	byType map[uint8]payload
}

// firstChoice is what we take for our own offers as long as it is free.
var firstChoice = map[payload]uint8{
	{codec: media.Opus}: 111, {codec: media.Opus, red: true}: 63,
	{codec: media.VP8}: 96, {codec: media.VP8, repair: true}: 97,
	{codec: media.VP9}: 98, {codec: media.VP9, repair: true}: 99,
	{codec: media.H264, profile: baselineH264}: 102, {codec: media.H264, profile: baselineH264, repair: true}: 103,
	{codec: media.AV1}: 104, {codec: media.AV1, repair: true}: 105,
	{codec: media.H265}: 106, {codec: media.H265, repair: true}: 107,
}

func payloadOf(f *sdp.Format) payload {
	p := payload{codec: codecOf(f)}
	if p.codec == media.H264 {
		p.profile = h264ProfileOf(f)
	}
	return p
}

// learn notes the meanings in a remote description.
func (t *payloadTypes) learn(formats []sdp.Format) {
	if t.byType == nil {
		t.byType = make(map[uint8]payload)
	}
	for i := range formats {
		f := &formats[i]
		if _, known := t.byType[f.PayloadType]; known {
			continue
		}
		p := payloadOf(f)
		if p.codec == media.H264 && !splitsUnits(f) {
			p = payload{}
		}
		t.byType[f.PayloadType] = p
		if r := repairOf(formats, f.PayloadType); r != nil && p.codec != media.NoCodec {
			p.repair = true
			if _, known := t.byType[r.PayloadType]; !known {
				t.byType[r.PayloadType] = p
			}
		}
	}
	for i := range formats {
		if _, ok := redundant(&formats[i], formats); ok && t.byType[formats[i].PayloadType] == (payload{}) {
			t.byType[formats[i].PayloadType] = payload{codec: media.Opus, red: true}
		}
	}
}

// assign gives the payload type for a meaning; 0 when all are taken.
func (t *payloadTypes) assign(p payload) uint8 {
	if t.byType == nil {
		t.byType = make(map[uint8]payload)
	}
	candidates := []uint8{firstChoice[p]}
	for pt := uint8(127); pt >= 96; pt-- {
		candidates = append(candidates, pt)
	}
	for pt := uint8(63); pt >= 35; pt-- {
		candidates = append(candidates, pt)
	}
	lowest := uint8(0)
	for pt, meaning := range t.byType {
		if meaning == p && (lowest == 0 || pt < lowest) {
			lowest = pt
		}
	}
	if lowest != 0 {
		return lowest
	}
	for _, pt := range candidates {
		if _, taken := t.byType[pt]; pt != 0 && !taken {
			t.byType[pt] = p
			return pt
		}
	}
	return 0
}

// offerRedundancy is our own format for redundant audio with blocks of a payload type.
func (t *payloadTypes) offerRedundancy(opus uint8) (sdp.Format, bool) {
	pt := t.assign(payload{codec: media.Opus, red: true})
	return sdp.Format{
		PayloadType: pt, Name: "red", ClockRate: media.Opus.ClockRate(), Channels: 2, Parameters: fmt.Sprintf("%d/%d", opus, opus),
	}, pt != 0
}

// offerFormats are our own formats for a codec: one, or for H.264 in another profile two, each with its RTX.
func (t *payloadTypes) offerFormats(codec media.Codec, format *media.Format, feedback []string) []sdp.Format {
	profiles := []h264Profile{0}
	if codec == media.H264 {
		profiles = []h264Profile{baselineH264}
		if want := h264Want(format); want != baselineH264 {
			profiles = []h264Profile{want, baselineH264}
		}
	}
	var out []sdp.Format
	for _, profile := range profiles {
		p := payload{codec: codec, profile: profile}
		f := sdp.Format{
			PayloadType: t.assign(p), Name: codec.RTPName(), ClockRate: codec.ClockRate(), Channels: 1, Feedback: feedback,
			Parameters: offerParameters(codec, profile, format),
		}
		if codec == media.Opus {
			f.Channels = 2
		}
		if f.PayloadType == 0 {
			continue
		}
		out = append(out, f)
		if codec.Kind() != media.Video {
			continue
		}
		p.repair = true
		if pt := t.assign(p); pt != 0 {
			out = append(out, sdp.Format{
				PayloadType: pt, Name: "rtx", ClockRate: codec.ClockRate(), Channels: 1,
				Parameters: fmt.Sprintf("apt=%d", f.PayloadType),
			})
		}
	}
	return out
}

func offerParameters(codec media.Codec, profile h264Profile, format *media.Format) string {
	switch codec {
	case media.Opus:
		if format != nil && format.Channels == 2 {
			return opusParameters + ";sprop-stereo=1"
		}
		return opusParameters
	case media.VP9:
		return "profile-id=0"
	case media.H264:
		level := uint8(0x1f)
		if format != nil && len(format.SPS) >= 4 {
			level = max(level, format.SPS[3])
		}
		id := [...]string{baselineH264: "42e0", mainH264: "4d00", highH264: "6400"}[profile]
		return fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=%s%02x", id, level)
	}
	return ""
}
