// Package hlsload loads an HLS server with many light viewers: they make the requests that players make, in the same order, and decode
// nothing.
package hlsload
