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
