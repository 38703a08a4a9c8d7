// Package bwe estimates how much the way to one peer carries, from what the peer reports about each packet's arrival
// (transport-wide congestion control). It is of the class of libwebrtc's Google Congestion Control: a trendline of
// queueing delay, a model of loss, the throughput that arrives, and probes. docs/bandwidth.md explains it.
//
// Nothing here has a socket or a clock: every method takes the time, and an Estimator belongs to one goroutine. Rates are
// in bit/s, sizes in bytes on the wire without UDP and IP.
package bwe
