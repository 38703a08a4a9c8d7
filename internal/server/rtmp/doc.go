// Package rtmp is the door for RTMP(S). Players play rtmp://host/live/{room} (package fanout). Encoders, OBS, ffmpeg and others, publish by RTMP
// or enhanced RTMP. A publisher becomes a
// participant of its room, of the kind ingest, and its sound and picture become tracks.
//
// Addresses are rtmp://host/live/{room}?key={stream key}, which OBS splits into the server rtmp://host/live and the stream
// key {room}?key={stream key}; rtmp://host/live/{room}/{stream key} is the same. ?token= takes a LiveKit access token.
//
// What becomes of one that comes while another publishes is the room's policy (package intake).
package rtmp
