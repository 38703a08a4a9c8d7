package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/record"
)

// smallDisk is a directory on a disk of its own, of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("no disk of its own can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all that is left of a disk, until free gives it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(b)
	}
	for err = nil; err == nil; {
		_, err = f.Write([]byte{0})
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestARecordingFillsTheDisk records until a small disk is full. What was recorded plays up to the last second, the show goes on, all who ask are
// told why, and there is no other recording before there is room for one.
func TestARecordingFillsTheDisk(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const size = 4 << 20
	// Rich pictures, so that it does not take long.
	rich := []string{"-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "30", "-qp", "14"}
	for name, reserve := range map[string]string{"to the last byte": "0", "to its reserve": "2M"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := smallDisk(t, size)
			r, p := start(t, "--record-dir", dir, "--record-reserve", reserve), keepPace(t)
			defer p.judge()
			publish(t, slices.Concat(testPicture, testTone, rich, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
			r.live("demo")
			watching, stop := context.WithCancel(context.Background())
			watched := make(chan error, 1)
			go func() {
				log, err := ffmpeg(t, watching, "-xerror", "-loglevel", "error", "-i", r.url("/live/demo.flv"), "-f", "null", "-")
				if watching.Err() == nil {
					err = errors.Join(fmt.Errorf("watching ends: %s", log), err)
				} else {
					err = nil
				}
				watched <- err
			}()
			var rec record.Recording
			if status := r.ask("POST", "/api/rooms/demo/recordings", "", &rec); status != http.StatusCreated {
				t.Fatal(status)
			}
			rec = r.recordings("demo", finished)[0]
			if rec.State != record.Failed || rec.Error != record.DiskFull || len(rec.Files) != 1 || !rec.Files[0].Finished {
				t.Errorf("%+v", rec)
			}
			length, pictures := played(t, filepath.Join(dir, rec.Files[0].Name))
			took := rec.EndedAt.Sub(rec.StartedAt).Seconds()
			t.Logf("recorded for %.2f s: %.2f s, %d pictures, %d bytes", took, length, pictures, rec.Bytes)
			if length < took-1.5 || pictures < int(length*28) { // the first keyframe may lie a moment after the start
				p.wrongf("%.2f s and %d pictures are left of %.2f s", length, pictures, took) // an encoder that is held up sends less
			}
			if st := r.live("demo"); st["recording"] != nil || !strings.Contains(fmt.Sprint(st["warnings"]), "disk is full") {
				t.Errorf("the host sees %v", st)
			}
			if status := r.ask("POST", "/api/rooms/demo/recordings", "", nil); status != http.StatusInsufficientStorage {
				t.Errorf("beginning another on a full disk: %d", status)
			}
			if list := r.recordings("demo", finished); len(list) != 1 {
				t.Errorf("what could not be begun is there: %+v", list)
			}
			known := []string{rec.ID + ".json", rec.ID + ".jpg", rec.ID + "-strip.jpg", rec.Files[0].Name}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if info, err := e.Info(); err != nil || !slices.Contains(known, e.Name()) || info.Size() == 0 {
					t.Errorf("%s is left behind", e.Name())
				}
			}
			if status := r.ask("DELETE", "/api/rooms/demo/recordings/"+rec.ID, "", nil); status != http.StatusNoContent {
				t.Errorf("making room: %d", status)
			}
			if status := r.ask("POST", "/api/rooms/demo/recordings", "", &rec); status != http.StatusCreated {
				t.Errorf("beginning another with room for it: %d", status)
			}
			if st := r.live("demo"); st["recording"] == nil || strings.Contains(fmt.Sprint(st["warnings"]), "disk is full") {
				t.Errorf("the host sees %v", st)
			}
			r.recordings("demo", longer(1))
			if status := r.ask("POST", "/api/rooms/demo/recordings/"+rec.ID+"/stop", "", &rec); status != http.StatusOK || rec.State != record.Done && rec.Error != record.DiskFull { // it may have filled the disk again meanwhile
				t.Errorf("stopping it: %d, %+v", status, rec)
			}
			// A disk that fails is made read-only.
			if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			if status := r.ask("POST", "/api/rooms/demo/recordings", "", nil); status != http.StatusInsufficientStorage {
				t.Errorf("beginning another on a disk that is read-only: %d", status)
			}
			if status := r.ask("PATCH", "/api/rooms/demo/recordings/"+rec.ID, `{"published":true}`, nil); status != http.StatusInsufficientStorage {
				t.Errorf("changing one: %d", status)
			}
			if status := r.ask("DELETE", "/api/rooms/demo/recordings/"+rec.ID, "", nil); status != http.StatusInsufficientStorage {
				t.Errorf("deleting one: %d", status)
			}
			decode(t, filepath.Join(dir, rec.Files[0].Name), "1")
			stop()
			if err := <-watched; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTheDataDirectoryIsFull has nothing written down any more for a while: rooms go on and begin, who changes what is to be kept is told, and once
// there is room again all is as before.
func TestTheDataDirectoryIsFull(t *testing.T) {
	needFFmpeg(t)
	t.Parallel()
	data := smallDisk(t, 48<<20)
	r := start(t, "--data", data, "--record-dir", t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	var shows sync.WaitGroup
	end := func() { cancel(); shows.Wait() }
	defer end()
	show := func(room string) {
		shows.Go(func() {
			log, err := ffmpeg(t, ctx, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/" + room})...)
			if ctx.Err() == nil {
				t.Errorf("publishing ends: %v %s", err, log)
			}
		})
		r.live(room)
	}
	show("before")
	keep := func(wait int) (int, string) {
		req, err := http.NewRequest("PATCH", r.url("/api/rooms/before/ingest"), strings.NewReader(fmt.Sprintf(`{"wait":%d}`, wait)))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(devKeys.Key, devKeys.Secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	if status, body := keep(1); status != http.StatusOK {
		t.Fatal(status, body)
	}
	free := fill(t, data)
	for n, begun := 2, time.Now(); ; n++ { // files that are there already may have some room
		status, body := keep(n)
		if status >= 500 {
			if status != http.StatusInsufficientStorage || !strings.Contains(body, "disk") {
				t.Errorf("a change that cannot be kept: %d %s", status, body)
			}
			break
		}
		if time.Since(begun) > patience {
			t.Fatal("changes are kept on a full disk")
		}
	}
	decode(t, r.url("/live/before.flv"), "2")
	show("during")
	decode(t, r.url("/live/during.flv"), "2")
	end()
	r.stop()
	r = start(t, "--data", data, "--record-dir", t.TempDir()) // nor does it keep a server from starting
	free()
	for begun := time.Now(); ; <-time.After(200 * time.Millisecond) {
		status, body := keep(77)
		if status == http.StatusOK {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("with room again: %d %s", status, body)
		}
	}
	r.stop()
	again := start(t, "--data", data, "--record-dir", t.TempDir())
	var kept struct{ Wait int }
	if status := again.ask("GET", "/api/rooms/before/ingest", "", &kept); status != http.StatusOK || kept.Wait != 77 {
		t.Errorf("after a restart: %d, %+v", status, kept)
	}
}
