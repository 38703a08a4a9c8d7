package livekit

import "testing"

func TestInboxKeepsOrderAndTellsWhenSomethingWasLost(t *testing.T) {
	q := newInbox()
	for i := range 3 {
		if !q.put(i, 1) {
			t.Fatal("not taken")
		}
	}
	<-q.ready
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
	q := newInbox()
	q.put(1, 0)
	if left := q.close(); len(left) != 1 || left[0] != 1 {
		t.Errorf("left %v", left)
	}
	if q.put(2, 0) {
		t.Error("took an item after close")
	}
}

func TestInboxLeavesRoomForWhatMatters(t *testing.T) {
	q := newInbox()
	for q.offer("message", 1) {
	}
	if len(q.items) != maxInboxItems/2 || q.offer("message", 0) || !q.put("event", 1) {
		t.Errorf("%d messages are taken", len(q.items))
	}
	if _, full := q.take(nil); full {
		t.Error("a flood of messages ends the session")
	}
}
