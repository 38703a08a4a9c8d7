// Package hls is the door for HTTP Live Streaming: it serves a room's program below /live/{room}/.
//
// A player asks for /live/{room}/index.m3u8 and shows its credential there, once. All else lies below
// /live/{room}/{id}/, where id is a random name that a program has for as long as it lives. Whoever was admitted learns
// it; so the folder is the key, the same for all viewers, and any cache may keep what is in it. When the room goes live
// again, everything has new addresses.
//
// HLS has no connections. Viewers are counted by address and user agent, for as long as they keep asking.
package hls
