package rtcload

import "fmt"

// Sizes is how a picture is cut into packets.
type Sizes string

const (
	// Libwebrtc cuts as browsers do: into pieces that differ by at most a byte, the longer ones last.
	Libwebrtc Sizes = "libwebrtc"
	// Equal makes pieces of one size; only the last may be shorter.
	Equal Sizes = "equal"
)

// maxFragment is how many bytes of a slice go into one packet at most.
const maxFragment = 1150

// cut gives the sizes of the pieces of a slice of so many bytes.
func (s Sizes) cut(size int) ([]int, error) {
	count := (size + maxFragment - 1) / maxFragment
	pieces := make([]int, count)
	switch s {
	case Libwebrtc:
		for i := range pieces {
			pieces[i] = size / count
			if i >= count-size%count {
				pieces[i]++
			}
		}
	case Equal:
		each := (size + count - 1) / count
		for i := range pieces {
			pieces[i] = min(each, size-i*each)
		}
	default:
		return nil, fmt.Errorf("unknown packet sizes %q", s)
	}
	return pieces, nil
}

// packetize makes the payloads of one picture (RFC 6184): parameter sets in one aggregate, the slice in fragments.
func (s Sizes) packetize(slice []byte, parameters ...[]byte) ([][]byte, error) {
	var payloads [][]byte
	if len(parameters) > 0 {
		aggregate := []byte{0x78}
		for _, n := range parameters {
			aggregate = append(append(aggregate, byte(len(n)>>8), byte(len(n))), n...)
		}
		payloads = append(payloads, aggregate)
	}
	header, body := slice[0], slice[1:]
	if len(slice) <= maxFragment {
		return append(payloads, slice), nil
	}
	pieces, err := s.cut(len(body))
	if err != nil {
		return nil, err
	}
	for i, size := range pieces {
		fu := header & 0x1f
		if i == 0 {
			fu |= 0x80
		}
		if i == len(pieces)-1 {
			fu |= 0x40
		}
		payloads = append(payloads, append([]byte{header&0xe0 | 28, fu}, body[:size]...))
		body = body[size:]
	}
	return payloads, nil
}
