package sfu

import (
	"math/bits"
	"time"
)

// speakerStays is how long a picture stays important after its publisher has stopped speaking: a pause for breath must not
// change anybody's layers.
const speakerStays = 4 * time.Second

// importance decides whose picture is served first where there is too little for all. It is pure.
type importance struct {
	// screen is text that is read, pinned what the subscriber has put first: 1 is the very first, 0 not pinned.
	screen   bool
	pinned   uint32
	speaking bool
	// width and height are how large it is shown, 0 while unknown.
	width, height int
}

// rank makes importance one number, the higher the more important: screens, then what is pinned, then who speaks, then by
// size. Sizes of one order count as equal: tiles differ by a few pixels, and all of a rank are raised in turns.
func (i importance) rank() uint64 {
	rank := uint64(bits.Len(uint(max(i.width*i.height, 0))))
	if i.speaking {
		rank |= 1 << 8
	}
	if i.pinned > 0 {
		rank |= (1<<32 - uint64(i.pinned)) << 16
	}
	if i.screen {
		rank |= 1 << 48
	}
	return rank
}
