//go:build race

package livekit

// raceDetector tells that the tests run under the race detector.
const raceDetector = true
