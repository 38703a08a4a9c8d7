// Package liveload watches a stream many times over, by HTTP-FLV or RTMP, and measures what its viewers get: time to the first frame,
// latency, stalls and losses. It is light, so that the server and not the client is measured: plain TCP connections, a
// buffer only while there is something to read, and a parser that keeps nothing but the headers of tags.
package liveload
