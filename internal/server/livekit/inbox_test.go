package livekit

import "testing"

func TestInboxKeepsOrderAndTellsWhenSomethingWasLost(t *testing.T) {
	q := newInbox(nil)
	for i := range 3 {
		if !q.put(i, 1) {
			t.Fatal("not taken")
		}
	}
	items, full := q.take(nil)
	if full || len(items) != 3 || items[0] != 0 || items[2] != 2 {
		t.Fatalf("got %v, full %v", items, full)
	}
	if !q.put("large", maxInboxBytes) || q.put("one byte more", 1) || q.put("anything", 0) {
		t.Fatal("the limit is not kept")
	}
	if items, full = q.take(items); !full || len(items) != 1 {
		t.Errorf("got %v, full %v", items, full)
	}
}

func TestInboxAfterClose(t *testing.T) {
	q := newInbox(nil)
	q.put(1, 0)
	if left := q.close(); len(left) != 1 || left[0] != 1 {
		t.Errorf("left %v", left)
	}
	if q.put(2, 0) {
		t.Error("took an item after close")
	}
}

func TestInboxLeavesRoomForWhatMatters(t *testing.T) {
	q := newInbox(nil)
	for q.offer("message", 1) {
	}
	if len(q.items) != maxInboxItems/2 || q.offer("message", 0) || !q.put("event", 1) {
		t.Errorf("%d messages are taken", len(q.items))
	}
	if _, full := q.take(nil); full {
		t.Error("a flood of messages ends the session")
	}
}

func TestInboxWakesItsWorkerOnce(t *testing.T) {
	awake := make(chan struct{}, 3)
	q := newInbox(func() { awake <- struct{}{} })
	q.put(1, 0) // it is awake
	if items, _ := q.take(nil); len(items) != 1 {
		t.Errorf("took %v", items)
	}
	q.take(nil) // and sleeps
	q.put(2, 0)
	q.put(3, 0)
	<-awake
	if items, _ := q.take(nil); len(items) != 2 || len(awake) != 0 {
		t.Errorf("took %v, woken %d times more", items, len(awake))
	}
}
