package rtpfmt

import (
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// payloader is pion's for codecs that an ingest brings seldom: it does not cut into equal pieces.
func payloader(codec media.Codec) rtp.Payloader {
	switch codec {
	case media.H265:
		return &codecs.H265Payloader{}
	case media.VP9:
		return &codecs.VP9Payloader{InitialPictureIDFn: func() uint16 { return 0 }}
	case media.AV1:
		return &codecs.AV1Payloader{}
	}
	return nil
}

func (k *Packetizer) packetizeOther(f *media.Frame) []media.Packet {
	payload := f.Payload
	if k.codec == media.H265 {
		payload = annexB(f)
	}
	payloads := k.other.Payload(MaxPayload, payload)
	packets := make([]media.Packet, 0, len(payloads))
	for _, b := range payloads {
		p := media.Packet{Payload: b}
		if Parse(k.codec, &p) {
			packets = append(packets, p)
		}
	}
	if k.codec == media.AV1 && f.Keyframe && len(packets) > 0 {
		// N begins a coded video sequence (RTP payload format for AV1, section 4.4).
		packets[0].Payload[0] |= 8
		Parse(k.codec, &packets[0])
	}
	return packets
}

// annexB is an H.265 frame with start codes, with its parameter sets before a keyframe.
func annexB(f *media.Frame) []byte {
	var sets []byte
	if f.Keyframe {
		for _, set := range [][]byte{f.Format.VPS, f.Format.SPS, f.Format.PPS} {
			if len(set) > 0 {
				sets = bitstream.AppendUnit(sets, set)
			}
		}
	}
	out := make([]byte, 0, len(sets)+len(f.Payload)+64)
	return bitstream.AppendAnnexB(bitstream.AppendAnnexB(out, sets), f.Payload)
}
