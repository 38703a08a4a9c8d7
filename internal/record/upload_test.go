package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/s3"
	"github.com/tuttilive/tutti/internal/s3/s3test"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// storage is a server with the bucket "bucket" that can be killed and started again.
type storage struct {
	url         string
	key, secret string
	kill, start func()
	has         func(name string) bool
}

// inMemory is a server of ours; what it has outlives its being killed.
func inMemory(t *testing.T) *storage {
	server := s3test.New()
	t.Cleanup(server.Close)
	var dead atomic.Bool
	server.Fail = func(*http.Request) int {
		if dead.Load() {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	return &storage{
		url: server.URL, key: "key", secret: "secret", kill: func() { dead.Store(true) }, start: func() { dead.Store(false) },
		has: func(name string) bool {
			names, _ := server.Objects()
			return strings.Contains(strings.Join(names, " "), name)
		},
	}
}

// versitygw finds the S3 server of that name: the one that $TUTTI_TEST_VERSITYGW names, that scripts/need built, or that is installed.
func versitygw() (program string, err error) {
	for _, name := range []string{os.Getenv("TUTTI_TEST_VERSITYGW"), "../../bin/versitygw", "versitygw"} {
		if program, err = exec.LookPath(name); err == nil {
			break
		}
	}
	return program, err
}

// versity is a process of versitygw, where there is one.
func versity(t *testing.T) *storage {
	program, err := versitygw()
	if err != nil {
		t.Skip("versitygw is not here: scripts/need versitygw")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bucket"), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s := &storage{url: "http://" + address, key: "admin", secret: "sEcReT-of-the-bucket"}
	var cmd *exec.Cmd
	s.start = func() {
		cmd = exec.Command(program, "--port", address, "--access", s.key, "--secret", s.secret, "posix", root)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for range 600 {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
				return
			}
			<-time.After(50 * time.Millisecond)
		}
		t.Fatal("versitygw does not start")
	}
	s.kill = func() {
		if cmd != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			cmd = nil
		}
	}
	s.has = func(name string) bool {
		_, err := os.Stat(filepath.Join(root, "bucket", "shows", name))
		return err == nil
	}
	t.Cleanup(s.kill)
	s.start()
	return s
}

// meter is a way out that counts what goes over it, and calls full when that is too much.
type meter struct {
	sent  atomic.Int64
	limit int64
	full  func()
	once  atomic.Bool
}

func (m *meter) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &metered{c, m}, err
}

type metered struct {
	net.Conn
	m *meter
}

func (c *metered) Write(p []byte) (int, error) {
	if n := c.m.sent.Add(int64(len(p))); c.m.limit > 0 && n > c.m.limit && !c.m.once.Swap(true) {
		c.m.full()
	}
	return c.Conn.Write(p)
}

// uploads opens a recorder of a directory that uploads to a storage.
func uploads(t *testing.T, dir string, s *storage, way s3.Dialer, keepLocal bool) *Recorder {
	t.Helper()
	b, err := s3.Open(s3.Config{Endpoint: s.url, Bucket: "bucket", Prefix: "shows", PathStyle: true, Key: s.key, Secret: s.secret}, way)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	settings, err := store.OpenBucket[Settings](st, "record")
	if err != nil {
		t.Fatal(err)
	}
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Dir: dir, Mode: ForHosts, Settings: settings, Bucket: b, KeepLocal: keepLocal, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	h := studio.NewHouse(studio.Options{Rooms: policies, Witnesses: []studio.Witness{r}, Log: quiet()})
	t.Cleanup(h.Close)
	r.Open(h)
	return r
}

// until waits until a recording's upload is as wanted.
func until(t *testing.T, r *Recorder, id string, wanted func(*Upload) bool) Recording {
	t.Helper()
	for range 1200 {
		rec, _, err := r.Find(id)
		if err == nil && rec.Upload != nil && wanted(rec.Upload) {
			return rec
		}
		<-time.After(50 * time.Millisecond)
	}
	rec, _, err := r.Find(id)
	t.Fatalf("the recording is %+v, upload %+v, %v", rec, rec.Upload, err)
	return rec
}

// untilAway waits until the bucket alone has a recording's only file: its local copy goes after it is stored, and after that is written
// down, which a disk that is busy takes its time for.
func untilAway(t *testing.T, r *Recorder, id, local string) {
	t.Helper()
	for range 1200 {
		rec, _, err := r.Find(id)
		_, there := os.Stat(local)
		if err == nil && rec.Files[0].Away && errors.Is(there, os.ErrNotExist) {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	rec, _, err := r.Find(id)
	t.Fatalf("the local copy is still here: %+v, %v", rec, err)
}

// TestARecordingGetsToTheBucketWhateverEnds kills the storage in the middle of a large upload and restarts first the server, then the storage.
func TestARecordingGetsToTheBucketWhateverEnds(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *storage{"in memory": inMemory, "versitygw": versity} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there, dir := open(t), t.TempDir()
			data := make([]byte, 36<<20) // three pieces
			_, _ = rand.NewChaCha8([32]byte{2}).Read(data)
			if err := os.WriteFile(filepath.Join(dir, "one-1.mp4"), data, 0o600); err != nil {
				t.Fatal(err)
			}
			description := fmt.Sprintf(`{"id":"one","room":"demo","state":"done","startedAt":"2026-01-02T03:04:05Z","endedAt":"2026-01-02T03:14:05Z",
				"files":[{"name":"one-1.mp4","startedAt":"2026-01-02T03:04:05Z","duration":600,"bytes":%d,"finished":true}]}`, len(data))
			if err := os.WriteFile(filepath.Join(dir, "one.json"), []byte(description), 0o600); err != nil {
				t.Fatal(err)
			}
			way := &meter{limit: 24 << 20, full: there.kill} // in the second piece
			r := uploads(t, dir, there, way, false)
			rec := until(t, r, "one", func(u *Upload) bool { return u.State == Retrying })
			if u := rec.Upload; u.Error != s3.Unreachable || u.Attempts == 0 || u.RetryAt.IsZero() || rec.Files[0].Stored {
				t.Errorf("killed: %+v", u)
			}
			r.Close()
			there.start()
			way = &meter{}
			r = uploads(t, dir, there, way, false)
			defer r.Close()
			rec = until(t, r, "one", func(u *Upload) bool { return u.State == Stored })
			if sent := way.sent.Load(); sent > 22<<20 {
				t.Errorf("after the restart %d MiB were sent again", sent>>20)
			}
			if rec.Upload.Bytes != int64(len(data)) || !there.has("one-1.mp4") {
				t.Errorf("stored: %+v", rec.Upload)
			}
			untilAway(t, r, "one", filepath.Join(dir, "one-1.mp4"))
			f, _, err := r.OpenFile(context.Background(), "one", "one-1.mp4")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, local := f.(*os.File); local {
				t.Error("the file is still here")
			}
			if back, err := io.ReadAll(f); err != nil || !bytes.Equal(back, data) {
				t.Errorf("%d bytes of %d back, %v", len(back), len(data), err)
			}
			// While the storage is away it is said so, and what is deleted is gone at once for all who ask.
			there.kill()
			if _, _, err := r.OpenFile(context.Background(), "one", "one-1.mp4"); !errors.Is(err, ErrAway) {
				t.Errorf("away: %v", err)
			}
			if err := r.Delete(context.Background(), "one"); err != nil {
				t.Fatal(err)
			}
			if len(r.All()) != 0 {
				t.Error("it is still listed")
			}
			there.start()
			for range 600 {
				if _, err := os.Stat(filepath.Join(dir, "one.deleted")); errors.Is(err, os.ErrNotExist) {
					break
				}
				<-time.After(50 * time.Millisecond)
			}
			if there.has("one-1.mp4") {
				t.Error("it is still in the bucket")
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestTheLocalCopyIsKeptOrRemoved(t *testing.T) {
	there, dir := inMemory(t), t.TempDir()
	for name, text := range map[string]string{"two-1.mp4": "movie", "two.json": `{"id":"two","room":"demo","state":"done","endedAt":"2026-01-02T03:14:05Z","files":[{"name":"two-1.mp4","bytes":5,"finished":true}]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := uploads(t, dir, there, &net.Dialer{}, true)
	rec := until(t, r, "two", func(u *Upload) bool { return u.State == Stored })
	if _, err := os.Stat(filepath.Join(dir, "two-1.mp4")); err != nil || rec.Files[0].Away {
		t.Errorf("kept: %v, %+v", err, rec.Files)
	}
	r.Close()
	r = uploads(t, dir, there, &net.Dialer{}, false) // the operator thinks otherwise
	defer r.Close()
	untilAway(t, r, "two", filepath.Join(dir, "two-1.mp4"))
	if f, _, err := r.OpenFile(context.Background(), "two", "two-1.mp4"); err != nil {
		t.Error(err)
	} else if text, err := io.ReadAll(f); string(text) != "movie" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// TestALocalCopyIsRemovedOnlyWhereTheBucketHasIt has what is known of recordings speak of another bucket.
func TestALocalCopyIsRemovedOnlyWhereTheBucketHasIt(t *testing.T) {
	server, dir := s3test.New(), t.TempDir()
	t.Cleanup(server.Close)
	var dead atomic.Bool
	dead.Store(true)
	asked := make(chan struct{}, 1)
	server.Fail = func(*http.Request) int {
		if !dead.Load() {
			return 0
		}
		select {
		case asked <- struct{}{}:
		default:
		}
		return http.StatusServiceUnavailable
	}
	there := &storage{url: server.URL, key: "key", secret: "secret"}
	local := func(id string) bool {
		_, err := os.Stat(filepath.Join(dir, id+"-1.mp4"))
		return err == nil
	}
	ids := []string{"same", "none", "other"}
	for _, id := range ids {
		description := fmt.Sprintf(`{"id":%q,"room":"demo","state":"done","endedAt":"2026-01-02T03:14:05Z","files":[{"name":"%s-1.mp4","bytes":5,"finished":true,"stored":true}]}`, id, id)
		for name, text := range map[string]string{id + "-1.mp4": "movie", id + ".json": description} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := uploads(t, dir, there, &net.Dialer{}, false)
	within(t, "the bucket is not asked", asked)
	r.Close()
	for _, id := range ids {
		if rec, _, _ := r.Find(id); !local(id) || !rec.Files[0].Stored {
			t.Errorf("%s while the bucket is away: here %v, %+v", id, local(id), rec.Files)
		}
	}
	dead.Store(false)
	for id, text := range map[string]string{"same": "movie", "other": "another movie"} {
		req, err := http.NewRequest(http.MethodPut, server.URL+"/bucket/shows/"+id+"-1.mp4", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	r = uploads(t, dir, there, &net.Dialer{}, false)
	defer r.Close()
	for _, id := range ids {
		untilAway(t, r, id, filepath.Join(dir, id+"-1.mp4"))
		f, _, err := r.OpenFile(t.Context(), id, id+"-1.mp4")
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if text, err := io.ReadAll(f); string(text) != "movie" || err != nil || local(id) {
			t.Errorf("%s: %q, %v, here %v", id, text, err, local(id))
		}
		f.Close()
	}
}

// TestABucketThatFailsForAWhile has the server answer 500 and then 403 before it takes anything: what is tried again says why.
func TestABucketThatFailsForAWhile(t *testing.T) {
	server, dir := s3test.New(), t.TempDir()
	t.Cleanup(server.Close)
	var status atomic.Int32
	status.Store(http.StatusInternalServerError)
	server.Fail = func(*http.Request) int { return int(status.Load()) }
	for name, text := range map[string]string{"one-1.mp4": "movie", "one.json": `{"id":"one","room":"demo","state":"done","endedAt":"2026-01-02T03:14:05Z","files":[{"name":"one-1.mp4","bytes":5,"finished":true}]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := uploads(t, dir, &storage{url: server.URL, key: "key", secret: "secret"}, &net.Dialer{}, true)
	defer r.Close()
	until(t, r, "one", func(u *Upload) bool { return u.State == Retrying && u.Error == s3.Unreachable && !u.RetryAt.IsZero() })
	status.Store(http.StatusForbidden)
	until(t, r, "one", func(u *Upload) bool { return u.State == Retrying && u.Error == s3.Denied && u.Attempts > 1 })
	status.Store(0)
	if rec := until(t, r, "one", func(u *Upload) bool { return u.State == Stored }); rec.Upload.Error != "" || !rec.Files[0].Stored {
		t.Errorf("%+v, %+v", rec.Upload, rec.Files)
	}
}

// TestWhatIsNotHereAnyMoreIsGivenUp has a recording with a file that somebody has removed.
func TestWhatIsNotHereAnyMoreIsGivenUp(t *testing.T) {
	there, dir := inMemory(t), t.TempDir()
	for name, text := range map[string]string{"one-2.mp4": "movie", "one.json": `{"id":"one","room":"demo","state":"done","endedAt":"2026-01-02T03:14:05Z",
		"files":[{"name":"one-1.mp4","bytes":5,"finished":true},{"name":"one-2.mp4","bytes":5,"finished":true}]}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := uploads(t, dir, there, &net.Dialer{}, true)
	defer r.Close()
	rec := until(t, r, "one", func(u *Upload) bool { return u.State == GivenUp })
	if u := rec.Upload; u.Error != missing || !u.RetryAt.IsZero() || u.Bytes != 5 || !there.has("one-2.mp4") {
		t.Errorf("%+v", u)
	}
	if e, name, _ := r.uploader.next(time.Now().Add(time.Hour)); e != nil {
		t.Errorf("%s is tried again", name)
	}
}

// TestALocalCopyThatCannotBeLeftIsLeftLater has nothing written down when a file is in the bucket, as on a full disk.
func TestALocalCopyThatCannotBeLeftIsLeftLater(t *testing.T) {
	there, dir := inMemory(t), t.TempDir()
	b, err := s3.Open(s3.Config{Endpoint: there.url, Bucket: "bucket", Prefix: "shows", PathStyle: true, Key: "key", Secret: "secret"}, &net.Dialer{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := openLibrary(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "one-1.mp4")
	if err := os.WriteFile(file, []byte("movie"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.put(&entry{Recording: Recording{ID: "one", State: Done, Files: []File{{Name: "one-1.mp4", Bytes: 5, Finished: true}}}}); err != nil {
		t.Fatal(err)
	}
	u := newUploader(l, b, false, quiet())
	u.tidied = true
	e, _ := l.find("one")
	if err := os.Mkdir(filepath.Join(dir, "aside"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What is to be renamed to the description finds a directory in its place.
	description := filepath.Join(dir, "one.json")
	if err := errors.Join(os.Rename(description, filepath.Join(dir, "aside", "one.json")), os.MkdirAll(filepath.Join(description, "in the way"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := u.upload(t.Context(), &e, "one-1.mp4"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil || u.tidied {
		t.Errorf("the local copy: %v, and it is looked for later: %v", err, !u.tidied)
	}
	if err := os.RemoveAll(description); err != nil {
		t.Fatal(err)
	}
	if !u.tidy(t.Context()) {
		t.Error("it is not left later either")
	}
	if e, _ := l.find("one"); !e.Files[0].Away {
		t.Errorf("%+v", e.Files)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the local copy is still there")
	}
}

func TestWaitsGrow(t *testing.T) {
	if waitAfter(1) != shortestWait || waitAfter(3) != 4*shortestWait || waitAfter(9) != 256*time.Second || waitAfter(40) != longestWait {
		t.Error(waitAfter(1), waitAfter(3), waitAfter(9), waitAfter(40))
	}
}
