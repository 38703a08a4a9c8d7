package rtpfmt

// NAL unit types of H.264 (ITU-T H.264, table 7-1) and of its RTP payload format (RFC 6184, table 1).
const (
	naluSlice      = 1
	naluPartitionA = 2
	naluIDR        = 5
	naluSEI        = 6
	naluSPS        = 7
	naluPPS        = 8
	naluAUD        = 9
	naluSTAPA      = 24
	naluSTAPB      = 25
	naluFUA        = 28
	naluFUB        = 29
)

// NAL unit types of H.265 (ITU-T H.265, table 7-1) and of its RTP payload format (RFC 7798, section 4.4).
const (
	h265VPS       = 32
	h265SPS       = 33
	h265PPS       = 34
	h265AUD       = 35
	h265PrefixSEI = 39
	h265AP        = 48
	h265FU        = 49
)

// OBU types of AV1 (AV1 specification, section 6.2.2).
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuFrameHeader       = 3
	obuMetadata          = 5
	obuFrame             = 6
	obuTileList          = 8
	obuPadding           = 15
)
