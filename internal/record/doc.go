// Package record writes the programs of rooms to files. A recording is of one show, or a part of one; it has one file or, where
// it was split, several, each a movie (package mux/movie) that can be played while it is written and after a crash.
//
// Everything lies in one directory: NAME-1.mp4, NAME-2.mp4 and so on for the pictures and sound, and NAME.json for what is known of
// the recording, NAME.jpg and NAME-strip.jpg for how it looks, and NAME-1.mp4.pieces for how it is played piece by piece. Names are made up, never of what people wrote. What a crash left unfinished is finished at the next start.
package record
