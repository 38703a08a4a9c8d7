package media

// Kind tells sound from picture.
type Kind uint8

const (
	Audio Kind = iota + 1
	Video
)

func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	}
	return "unknown"
}

// Codec is a media coding format. The zero value is no codec.
type Codec uint8

const (
	NoCodec Codec = iota
	Opus
	AAC
	H264
	H265
	VP8
	VP9
	AV1
)

var codecNames = [...]string{NoCodec: "none", Opus: "opus", AAC: "aac", H264: "h264", H265: "h265", VP8: "vp8", VP9: "vp9", AV1: "av1"}

// String is the codec's lower-case name, as logs, metrics and the API use it.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return "unknown"
}

// Kind is the kind of media the codec carries, zero for NoCodec.
func (c Codec) Kind() Kind {
	switch c {
	case Opus, AAC:
		return Audio
	case H264, H265, VP8, VP9, AV1:
		return Video
	}
	return 0
}

// RTPName is the encoding name in SDP's rtpmap (RFC 8866, section 6.6), empty where we never put the codec into RTP.
func (c Codec) RTPName() string {
	switch c {
	case Opus:
		return "opus"
	case H264, H265, VP8, VP9, AV1:
		return [...]string{H264: "H264", H265: "H265", VP8: "VP8", VP9: "VP9", AV1: "AV1"}[c]
	}
	return ""
}

// CodecByRTPName finds a codec by its SDP encoding name, in any case; NoCodec when there is none.
func CodecByRTPName(name string) Codec {
	for c := Opus; c <= AV1; c++ {
		if n := c.RTPName(); n != "" && equalFold(n, name) {
			return c
		}
	}
	return NoCodec
}

// ClockRate is the RTP clock rate in Hz: 90000 for video (RFC 3551), 48000 for audio as we send it.
func (c Codec) ClockRate() int {
	if c.Kind() == Video {
		return 90000
	}
	return 48000
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}
