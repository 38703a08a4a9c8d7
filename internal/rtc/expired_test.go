package rtc

import (
	"testing"
	"time"
)

func TestAPeerThatReportsIsAlive(t *testing.T) {
	p := &Peer{endpoint: &Endpoint{consent: 30 * time.Second}}
	p.connectivity.begun, p.connectivity.lastCheck = true, time.Second
	if p.expired(31*time.Second) || !p.expired(32*time.Second) {
		t.Error("without reports it counts from the last check")
	}
	p.reported.Store(int64(20 * time.Second))
	if p.expired(50*time.Second) || !p.expired(51*time.Second) {
		t.Error("with reports it counts from the last of them")
	}
}
