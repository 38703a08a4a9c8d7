package main

import (
	"bytes"
	"image/jpeg"
	"net/http"
	"slices"
	"testing"
)

func TestSnapshotOfAStream(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	r := start(t)
	red := []string{"-re", "-f", "lavfi", "-i", "color=red:size=1280x720:rate=30"}
	publish(t, slices.Concat(red, baseline, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
	r.live("demo")
	picture, err := jpeg.Decode(bytes.NewReader(r.get("/api/rooms/demo/snapshot.jpg")))
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 640 || size.Y != 360 {
		t.Errorf("%v large", size)
	}
	if red, green, blue, _ := picture.At(320, 180).RGBA(); red>>8 < 230 || green>>8 > 30 || blue>>8 > 30 {
		t.Errorf("it is %d %d %d", red>>8, green>>8, blue>>8)
	}
	none, err := http.Get(r.url("/api/rooms/other/snapshot.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer none.Body.Close()
	if none.StatusCode != http.StatusNotFound {
		t.Errorf("of a room that is not on the air: %s", none.Status)
	}
}
