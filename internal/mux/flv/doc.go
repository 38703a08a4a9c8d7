// Package flv turns frames into FLV and back: file header, onMetaData, sequence headers and tags (Adobe's Video File
// Format Specification 10.1, annex E), with the FourCC codecs of Enhanced RTMP. RTMP's sound and picture messages have
// the bodies of FLV tags, so both directions serve RTMP too. It is pure: no sockets, no clock but arguments.
package flv
