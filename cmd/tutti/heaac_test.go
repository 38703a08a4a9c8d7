package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loudness is how loud a stream is around frequencies, each in dB below full scale.
func loudness(t *testing.T, url string, hertz ...int) []float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	graph, out := fmt.Sprintf("[0:a]asplit=%d", len(hertz)), []string(nil)
	for i := range hertz {
		graph += fmt.Sprintf("[in%d]", i)
	}
	for i, f := range hertz {
		graph += fmt.Sprintf(";[in%[1]d]bandpass=f=%[2]d:width_type=h:w=300,bandpass=f=%[2]d:width_type=h:w=300,volumedetect@%[1]d[out%[1]d]", i, f)
		out = append(out, "-map", fmt.Sprintf("[out%d]", i))
	}
	log, err := ffmpeg(t, ctx, slices.Concat([]string{"-i", url, "-filter_complex", graph}, out, []string{"-t", "3", "-f", "null", "-"})...)
	levels := make([]float64, len(hertz))
	found := regexp.MustCompile(`volumedetect@(\d) .*mean_volume: (-?[0-9.]+) dB`).FindAllStringSubmatch(log, -1)
	if err != nil || len(found) != len(hertz) {
		t.Fatalf("listening to %s: %v\n%s", url, err, log)
	}
	for _, f := range found {
		i, _ := strconv.Atoi(f[1])
		if levels[i], err = strconv.ParseFloat(f[2], 64); err != nil {
			t.Fatal(err)
		}
	}
	return levels
}

// soundProfile is what ffprobe calls the profile of a stream's sound.
func soundProfile(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=profile", "-of", "csv=p=0", url).Output()
	if err != nil {
		t.Fatalf("probing %s: %v", url, err)
	}
	return strings.TrimSpace(string(out))
}

// TestHEAAC publishes what a real encoder of HE-AAC made, tones of 440 Hz and of 15 kHz, which is in the half that only HE-AAC has. Who gets the
// sound as it is hears both; so do those who get it mixed, also where
// only the frames tell what it is, as over SRT.
func TestHEAAC(t *testing.T) {
	needFFmpeg(t)
	t.Parallel()
	const heard = -50 // dB
	srt := freePorts(t, 1)[0]
	r, plain := start(t, "--srt", srt), start(t, "--ffmpeg", "off")
	source := func(clip string) []string {
		return slices.Concat(testPicture, []string{"-re", "-stream_loop", "-1", "-i", "testdata/" + clip, "-map", "0:v", "-map", "1:a"}, baseline, []string{"-c:a", "copy"})
	}
	other := func(t *testing.T, r *running, room string) {
		var key struct{ Secret string }
		if status := r.ask("POST", "/api/rooms/"+room+"/ingest/keys", `{"name":"other"}`, &key); status != http.StatusCreated {
			t.Fatal(status)
		}
		publish(t, slices.Concat([]string{"-re", "-f", "lavfi", "-i", "anullsrc=sample_rate=48000"}, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/" + room + "?key=" + key.Secret})...)
	}
	mixed := func(t *testing.T, r *running, room string) {
		for begun := time.Now(); soundProfile(t, r.url("/live/%s.flv", room)) != "LC"; {
			if time.Since(begun) > patience {
				t.Fatal("the sound is not mixed")
			}
		}
	}
	// A machine that is too busy to decode and mix in time has gaps in its sound.
	bothHeard := func(t *testing.T, url, how string) {
		for range 10 {
			levels := loudness(t, url, 440, 15000)
			t.Logf("%s: 440 Hz and 15 kHz at %.0f dB", how, levels)
			if slices.Min(levels) >= heard {
				return
			}
		}
		t.Errorf("%s: not both are heard", how)
	}
	for what, c := range map[string]struct {
		clip    string
		overSRT bool
	}{
		"v1": {"he-aac.m4a", false}, "v2": {"he-aac-v2.m4a", false}, "v1 in ADTS": {"he-aac.m4a", true}, "v2 in ADTS": {"he-aac-v2.m4a", true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			takeTurn(t)
			name := strings.ReplaceAll(what, " ", "-")
			if c.overSRT {
				publish(t, slices.Concat(source(c.clip), overSRT, []string{"-srt_streamid", name, "srt://" + srt})...)
			} else {
				publish(t, slices.Concat(source(c.clip), []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/" + name})...)
			}
			r.live(name)
			url := r.url("/live/%s.flv", name)
			if got := soundProfile(t, url); !strings.HasPrefix(got, "HE-AAC") { // what v2 adds is not in each frame
				t.Errorf("FLV has %q", got)
			}
			bothHeard(t, url, "as it is")
			other(t, r, name)
			mixed(t, r, name)
			bothHeard(t, url, "mixed")
			missing := func(code string) bool { return code == "sound_unsupported" || code == "conversion_failed" } // the latter until a worker that hung is replaced
			for begun := time.Now(); slices.ContainsFunc(warningsOf(r, name), missing); <-time.After(100 * time.Millisecond) {
				if time.Since(begun) > patience {
					t.Fatalf("the host is warned of %v", warningsOf(r, name))
				}
			}
		})
	}
	t.Run("without ffmpeg", func(t *testing.T) {
		t.Parallel()
		publish(t, slices.Concat(source("he-aac-v2.m4a"), []string{"-f", "flv", "rtmp://" + plain.RTMP + "/live/demo"})...)
		plain.live("demo")
		if url := plain.url("/live/demo.flv"); loudness(t, url, 15000)[0] < heard {
			t.Error("the sound as it is is not heard")
		}
		other(t, plain, "demo")
		for begun := time.Now(); !slices.Contains(warningsOf(plain, "demo"), "sound_unsupported"); <-time.After(100 * time.Millisecond) {
			if time.Since(begun) > patience {
				t.Fatalf("the host is warned of %v", warningsOf(plain, "demo"))
			}
		}
	})
}
