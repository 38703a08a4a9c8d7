package media

import "time"

// Packet is one RTP packet after decryption, parsed once. A packet is immutable from the moment it is written to a
// ring; its bytes lie in a slab that is never reused, so a reader may hold it for as long as it likes (the garbage
// collector is the reference count).
type Packet struct {
	// Payload is the RTP payload without header, extensions and padding.
	Payload []byte
	// RED is the payload as it came, when that was redundant audio (RFC 2198): Payload, the primary, is its end, and what
	// packets before carried comes first. nil otherwise.
	RED []byte
	// Arrival is when the datagram was read, in media time.
	Arrival time.Duration
	// Seq is the sequence number. The endpoint sets the low 16 bits; the receiver extends them to 64 so that they
	// never wrap, starting above 1<<16 so that earlier packets keep a positive number.
	Seq uint64
	// Timestamp is the RTP timestamp in units of the codec's clock rate.
	Timestamp uint32
	// SSRC is the source as it came from the network (the media SSRC also for packets repaired by RTX).
	SSRC        uint32
	PayloadType uint8
	Marker      bool
	// Repaired tells that the packet came by retransmission (RFC 4588).
	Repaired bool
	// Restored tells that the packet was lost and taken out of the redundancy of one that followed.
	Restored bool

	// AudioLevel is the level of RFC 6464 in -dBov (0 loudest, 127 silence), valid when HasLevel.
	AudioLevel uint8
	HasLevel   bool
	Voice      bool

	// Dependency is the dependency descriptor (AV1 RTP payload format, appendix A) as it came, empty where there is none.
	Dependency []byte

	// What follows is filled by the receiver from the payload's own header.

	// Start tells that the packet begins an access unit, Keyframe that this access unit is a keyframe.
	Start    bool
	Keyframe bool
	// Temporal and Spatial are the layer indices of codecs that signal them.
	Temporal uint8
	Spatial  uint8
	// Up tells that a reader of lower layers may go up here: on the first packet of a picture, to the temporal layer above
	// (VP8's Y, VP9's U); on the first of an upper spatial layer, to that layer, which refers to nothing before this picture.
	Up bool
	// Last tells that the packet ends its spatial layer of the picture, where that is signalled.
	Last bool
	// Descriptor is what a forwarder rewrites at the payload's beginning.
	Descriptor Descriptor
}

// Descriptor says where a payload descriptor numbers pictures (VP8: RFC 7741, section 4.2; VP9: RFC 9628, section 4.2).
type Descriptor struct {
	// Size is how many bytes of the payload are replaced when it is renumbered, 0 when there is nothing to renumber; of
	// VP8 the whole descriptor.
	Size uint8
	// IDAt and TL0At are where the picture's number and TL0PICIDX stand, 0 where there are none. A Wide number has 15 bits,
	// another 7.
	IDAt, TL0At uint8
	Wide        bool
	// Dense numbers go on without a gap when pictures are left out (VP8). Others refer to each other by number (VP9).
	Dense     bool
	PictureID uint16
	TL0PicIdx uint8
}
