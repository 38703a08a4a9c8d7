package hls

import (
	"fmt"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	s := written(testConfig(), picturesAndSound(t, 5*time.Second, 9, 60, "320x180"))
	s.End()
	fmt.Println(string(s.Snapshot().Index().Body[0]))
	fmt.Println(string(s.Snapshot().Find("video.m3u8").Body[0]))
	fmt.Println(string(s.Snapshot().Find("audio.m3u8").Body[0]))
	fmt.Println(ffmpeg(t, "ffprobe", "-show_entries", "stream=codec_name,width,height,sample_rate,nb_read_frames,duration", "-count_frames", served(t, s)))
	fmt.Println(ffmpeg(t, "ffmpeg", "-i", served(t, s), "-f", "null", "-"))
}
