// Package fmp4 muxes frames into fragmented MP4 (ISO 14496-12, CMAF ISO 23000-19): an init segment from formats, and
// fragments (moof and mdat) from samples. It is pure: bytes in, bytes out, no state between calls. A Demuxer takes apart
// what others wrote.
//
// A fragment takes one run of samples for each track, so the same code writes single-track renditions for HLS, where a
// fragment is a part (a CMAF chunk), and files with several tracks.
package fmp4
