// Package movie writes what is on the air to a file that can be played at every moment: a fragmented MP4 (ISO 14496-12)
// that grows by half a second at a time, so that whoever is killed in the middle leaves all but the last moment behind.
//
// [Finish] makes an ordinary, seekable MP4 of it in place: it adds an index (moov) of all samples at the end, and then
// writes one box header over a hole left at the beginning, which turns everything between the two into media data. Nothing
// is copied, so a full disk needs room for the index only, and until that header is written the file is still what it was.
// It does the same for files that a crash left behind.
//
// Where the size or the parameters of a picture change, or sound comes later, another moov says so in the middle of the
// file; players pass over it, since H.264 has its parameter sets in band too, and Finish takes it up.
//
// Either can be played piece by piece: the fragments are still in a finished movie, and [ReadPieces] says where.
package movie
