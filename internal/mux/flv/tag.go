package flv

import "encoding/binary"

// TagType is the kind of an FLV tag; RTMP's message types have the same numbers.
type TagType uint8

const (
	AudioTag  TagType = 8
	VideoTag  TagType = 9
	ScriptTag TagType = 18
)

const (
	fileHeaderSize = 9
	tagHeaderSize  = 11
	// maxBody is what the 24-bit size of a tag can say.
	maxBody = 1<<24 - 1
)

// beginTag appends a tag's header; endTag completes it when the body has been appended.
func beginTag(dst []byte, t TagType, timestamp uint32) []byte {
	return append(dst, byte(t), 0, 0, 0,
		byte(timestamp>>16), byte(timestamp>>8), byte(timestamp), byte(timestamp>>24), 0, 0, 0)
}

// endTag fills in the size of the tag that begins at start and appends the size of the whole tag.
func endTag(dst []byte, start int) []byte {
	size := len(dst) - start - tagHeaderSize
	dst[start+1], dst[start+2], dst[start+3] = byte(size>>16), byte(size>>8), byte(size)
	return binary.BigEndian.AppendUint32(dst, uint32(size+tagHeaderSize))
}

// Legacy codec numbers (E.4.2.1 and E.4.3.1). HEVC never was in Adobe's document but is used by many in Asia.
const (
	legacyMP3  = 2
	legacyAAC  = 10
	legacyEx   = 9 // ExAudioTagHeader of Enhanced RTMP
	legacyAVC  = 7
	legacyHEVC = 12
)

// Frame types of a video tag.
const (
	keyFrame     = 1
	interFrame   = 2
	commandFrame = 5
)

// Packet types of legacy AVC and AAC bodies.
const (
	legacySequenceHeader = 0
	legacyCoded          = 1
	legacySequenceEnd    = 2
)

// Packet types of Enhanced RTMP; sound has no packetCodedX and no packetMetadata.
const (
	packetSequenceStart = 0
	packetCoded         = 1
	packetSequenceEnd   = 2
	packetCodedX        = 3
	packetMetadata      = 4
)

type fourCC [4]byte

var (
	fourAVC  = fourCC{'a', 'v', 'c', '1'}
	fourHEVC = fourCC{'h', 'v', 'c', '1'}
	fourAV1  = fourCC{'a', 'v', '0', '1'}
	fourVP9  = fourCC{'v', 'p', '0', '9'}
	fourVP8  = fourCC{'v', 'p', '0', '8'}
	fourAAC  = fourCC{'m', 'p', '4', 'a'}
	fourOpus = fourCC{'O', 'p', 'u', 's'}
)
