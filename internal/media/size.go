package media

// AtLeast tells whether a picture is as large as one that is wanted, whichever way up it is. A twelfth less is as good:
// windows are seldom as wide as layers, and nobody sees the difference. A picture of unknown size (0) is not.
func AtLeast(width, height, wantedWidth, wantedHeight int) bool {
	if width == 0 || height == 0 {
		return false
	}
	return 12*max(width, height) >= 11*max(wantedWidth, wantedHeight) &&
		12*min(width, height) >= 11*min(wantedWidth, wantedHeight)
}

// Size is a picture's, in pixels. Where a size is asked for, the zero value stands for the largest.
type Size struct{ Width, Height int }

// Area is how many pixels there are.
func (s Size) Area() int { return s.Width * s.Height }

// AtLeast tells whether a picture of this size is as large as one that is wanted: see the function.
func (s Size) AtLeast(wanted Size) bool {
	return AtLeast(s.Width, s.Height, wanted.Width, wanted.Height)
}
