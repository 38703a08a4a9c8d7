// Package hls makes HTTP Live Streaming (RFC 8216bis) of a program's frames: segments as shared immutable bytes, and
// playlists that are rendered once per change, plain and gzipped. It is pure state with one writer: no goroutines, no
// sockets, no clock but the frames' own. Any number of readers look at snapshots without a lock.
//
// # Picture and sound are separate renditions
//
// Each lies in a media playlist of its own, as CMAF asks, rather than both in one:
//   - A player learns the tracks from the multivariant playlist, once. With renditions apart, a picture that comes late
//     or changes its format leaves the sound of those who watch already untouched; in one file, browsers (Media Source
//     Extensions: the tracks of a SourceBuffer are fixed) and players built on ffmpeg would stop altogether.
//   - A further picture (a simulcast layer) is one more playlist that shares the sound, and switching between pictures
//     does not interrupt it. The sound's playlist alone is the rendition for listeners.
//   - In low-latency HLS all parts of a playlist have nearly the same duration. Sound and picture each reach that with
//     frames of their own lengths, not with each other's.
//
// The price is a second request for each segment; both are small and cacheable.
//
// Sound is always there. Where the program has none yet, or it stops, silent AAC frames stand in for it, because a
// player cannot add a rendition later either. The reverse is not done: without a picture the multivariant playlist has
// sound only, and players that came before the picture have to load it again to see it.
//
// # Parts
//
// A segment is collected as parts (CMAF chunks), each of them muxed when it is complete and never copied again; a player of low-latency HLS
// (RFC 8216bis) reads these, a classic one the segments that are made of the same bytes. Parts are slots of the timeline, so that all of
// them keep to one part target whatever the frame rate; where no picture comes for longer than that, a part says so and has none.
//
// Each part makes a new version of its playlist. A version is immutable and written when somebody first asks for it, once for all; whoever
// asks for the next one waits for a channel that all who wait share.
//
// # Variants
//
// Further sizes of the picture (layers of a simulcast, renditions of a composed picture) are further playlists on the same timeline, each
// cut at its own keyframes. All share the sound, which is a variant of its own for listeners.
package hls
