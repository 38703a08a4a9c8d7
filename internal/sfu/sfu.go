// Package sfu decides which packet goes to whom: receivers write what publishers send into tracks, senders read tracks
// and rewrite packets for one subscriber each. Senders are owned by the shards of their peers.
//
// Redundant audio is taken apart on the way in and passed on to those who take it (redundancy.go).
//
// What is hard is in pure units, to which time is an argument: sequence, timeline, losses, keyframes, freezes and
// reception on the way in, rewriter, choose and repairs on the way out, and Speakers with the voice and the dominance of each.
package sfu
