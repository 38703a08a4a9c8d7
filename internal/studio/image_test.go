package studio

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneImageIsReadAtATime(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		slow := make(chan struct{})
		go h.readImage(context.Background(), func() error { <-slow; return nil })
		synctest.Wait()
		began := time.Now()
		if err := h.SetSlate(context.Background(), "r", []byte("an image")); !errors.Is(err, errManyImages) || time.Since(began) != imageWait {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		gone, leave := context.WithCancel(context.Background())
		leave()
		if err := h.readImage(gone, func() error { return nil }); !errors.Is(err, errManyImages) {
			t.Errorf("who has gone: %v", err)
		}
		waits := make(chan error)
		go func() { waits <- h.readImage(context.Background(), func() error { return nil }) }()
		time.Sleep(time.Second)
		close(slow)
		if err := <-waits; err != nil {
			t.Errorf("who waited: %v", err)
		}
	})
}
