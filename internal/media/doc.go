// Package media holds the nouns that everything else speaks of: codecs, RTP packets, frames (access units), the clock
// that they are measured on, and the ring that shares them between one writer and many readers. It knows no other
// package of Tutti. Its subpackages rtpfmt (RTP payload formats) and bitstream (parameter sets) turn one noun into
// another.
package media
