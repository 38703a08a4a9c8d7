package record

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/s3"
)

// Waits between attempts to reach the bucket: twice as long each time.
const (
	shortestWait = time.Second
	longestWait  = 5 * time.Minute
)

// UploadState is how far a recording's way into the bucket is.
type UploadState string

const (
	// Queued recordings have files that wait for their turn, Retrying ones failed and are tried again, GivenUp ones cannot be stored as a whole
	// any more. Stored is all there was so far.
	Queued    UploadState = "waiting"
	Uploading UploadState = "uploading"
	Retrying  UploadState = "retrying"
	GivenUp   UploadState = "failed"
	Stored    UploadState = "stored"
)

// missing is why a file that is not here any more cannot be uploaded.
const missing s3.Cause = "missing"

// Upload is a recording's way into the bucket.
type Upload struct {
	State UploadState `json:"state"`
	// Bytes are in the bucket.
	Bytes int64 `json:"bytes"`
	// Error says why the last attempt failed, Attempts how many did in a row, RetryAt when the next one begins.
	Error    s3.Cause  `json:"error,omitempty"`
	Attempts int       `json:"attempts,omitempty"`
	RetryAt  time.Time `json:"retryAt,omitzero"`
}

// uploader brings finished files into a bucket, one after the other, and takes out of it what was deleted. It has one goroutine, which the
// recorder runs. What it has to do is in the library, so that it goes on after a restart.
type uploader struct {
	library   *library
	bucket    *s3.Bucket
	keepLocal bool
	log       *slog.Logger
	wake      chan struct{}
	tidied    bool // no local copy is there that nobody wants; the goroutine of run has it

	mu     sync.Mutex
	fates  map[string]fate // of what failed, by the names of files and, where recordings are deleted, by theirs
	name   string          // of the file that is being uploaded
	id     string          // of its recording
	sent   int64
	cancel context.CancelFunc // ends that
}

// fate is what became of the attempts.
type fate struct {
	attempts int
	cause    s3.Cause
	next     time.Time // zero where it is given up
}

func (f fate) isGivenUp() bool { return f.attempts > 0 && f.next.IsZero() }

func newUploader(l *library, b *s3.Bucket, keepLocal bool, log *slog.Logger) *uploader {
	return &uploader{library: l, bucket: b, keepLocal: keepLocal, log: log, wake: make(chan struct{}, 1), fates: map[string]fate{}}
}

// look has the uploader look for what there is to do. It does not block.
func (u *uploader) look() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends. An upload that is cut off goes on with the next run.
func (u *uploader) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !u.tidied {
			u.tidied = u.tidy(ctx)
		}
		e, name, wait := u.next(time.Now())
		if e != nil {
			u.attempt(ctx, e, name)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-u.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// tidy removes local copies that nobody wants any more, also those whose removal a crash prevented, once the bucket has said that it has
// them: that they were stored may have been in another one. It is false where the bucket cannot be asked now, or something cannot be
// written down.
func (u *uploader) tidy(ctx context.Context) (all bool) {
	if u.keepLocal {
		return true
	}
	all = true
	for _, e := range u.library.list(func(*entry) bool { return true }) {
		for _, f := range e.Files {
			if !f.Stored {
				continue
			}
			info, err := os.Stat(u.library.path(f.Name))
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) && !f.Away {
					all = u.leave(e.ID, f.Name) && all
				}
				continue
			}
			there, err := u.bucket.Size(ctx, f.Name)
			switch {
			case err == nil && there == info.Size():
				all = u.leave(e.ID, f.Name) && all
			case err == nil, errors.Is(err, s3.ErrNotFound):
				u.log.Warn("a recorded file is not in the bucket as it was stored, and is uploaded again", "recording", e.ID, "file", f.Name)
				_ = u.library.note(e.ID, func(e *entry) { // it may be deleted meanwhile
					if f := e.file(f.Name); f != nil {
						f.Stored, f.Away = false, false
					}
				})
			default:
				u.log.Warn("the bucket does not say whether it has a recorded file", "recording", e.ID, "file", f.Name, "error", err)
				return false
			}
		}
	}
	return all
}

// next is the oldest recording for which there is something to do now, and the file to upload, or to take out of the bucket where it was
// dropped, "" where the recording was deleted; else how long to wait.
func (u *uploader) next(now time.Time) (e *entry, name string, wait time.Duration) {
	wait = longestWait
	u.mu.Lock()
	defer u.mu.Unlock()
	isDue := func(what string) bool {
		d := u.fates[what].next.Sub(now)
		if d > 0 {
			wait = min(wait, d)
		}
		return d <= 0
	}
	for _, e := range slices.Backward(u.library.pending()) {
		if e.Deleted {
			if isDue(e.ID) {
				return &e, "", 0
			}
			continue
		}
		for _, name := range e.Dropped {
			if isDue(name) {
				return &e, name, 0
			}
		}
		for _, f := range e.Files {
			if f.Finished && !f.Stored && !u.fates[f.Name].isGivenUp() && isDue(f.Name) {
				return &e, f.Name, 0
			}
		}
	}
	return nil, "", wait
}

func (u *uploader) attempt(ctx context.Context, e *entry, name string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	u.mu.Lock()
	u.name, u.id, u.sent, u.cancel = name, e.ID, 0, cancel
	u.mu.Unlock()
	var err error
	what := name
	switch {
	case name == "":
		what, err = e.ID, u.remove(ctx, e)
	case slices.Contains(e.Dropped, name):
		err = u.drop(ctx, e, name)
	default:
		err = u.upload(ctx, e, name)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.name, u.id, u.cancel = "", "", nil
	if err == nil || ctx.Err() != nil { // or it is over, or was deleted meanwhile
		delete(u.fates, what)
		return
	}
	f := u.fates[what]
	f.attempts++
	if errors.Is(err, fs.ErrNotExist) {
		f.cause, f.next = missing, time.Time{}
	} else {
		f.cause, f.next = s3.CauseOf(err), time.Now().Add(waitAfter(f.attempts))
	}
	u.fates[what] = f
	u.log.Warn("a recording does not get to the bucket, or out of it", "recording", e.ID, "file", name, "attempts", f.attempts, "error", err)
}

// waitAfter is how long to wait after some attempts in a row have failed.
func waitAfter(attempts int) time.Duration {
	if attempts > 10 {
		return longestWait
	}
	return min(shortestWait<<(attempts-1), longestWait)
}

// upload brings one file into the bucket.
func (u *uploader) upload(ctx context.Context, e *entry, name string) error {
	file, err := os.Open(u.library.path(name))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := u.bucket.Put(ctx, name, file, info.Size(), e.Uploads[name], &course{u, e.ID, name}); err != nil {
		return err
	}
	_ = u.library.note(e.ID, func(e *entry) { // it may be deleted meanwhile; then the bucket's copy is deleted next
		delete(e.Uploads, name)
		if f := e.file(name); f != nil {
			f.Stored = true
		}
	})
	u.log.Info("a recorded file is in the bucket", "recording", e.ID, "file", name, "bytes", info.Size(), "took", time.Since(begun).Round(time.Millisecond))
	if !u.keepLocal && !u.leave(e.ID, name) {
		u.tidied = false
	}
	return nil
}

// course notes how an upload goes on.
type course struct {
	*uploader
	id, name string
}

// Began implements s3.Progress.
func (c *course) Began(up s3.Upload) {
	_ = c.library.note(c.id, func(e *entry) {
		if e.Uploads == nil {
			e.Uploads = map[string]s3.Upload{}
		}
		e.Uploads[c.name] = up
	})
}

// Sent implements s3.Progress.
func (c *course) Sent(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = bytes
}

// leave leaves a file to the bucket alone. It is false where that cannot be written down now: on a disk that is full.
func (u *uploader) leave(id, name string) bool {
	if _, err := u.library.pieces(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // later it cannot be looked for
		u.log.Warn("how a recorded file is played piece by piece is not known", "file", name, "error", err)
	}
	// What is known is written down first: after a crash between the two tidy removes the file.
	if err := u.library.note(id, func(e *entry) {
		if f := e.file(name); f != nil {
			f.Away = true
		}
	}); err != nil {
		return false
	}
	if err := os.Remove(u.library.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		u.log.Error("removing the local copy of a recorded file", "file", name, "error", err)
	}
	return true
}

// remove takes a deleted recording out of the bucket, and forgets it.
func (u *uploader) remove(ctx context.Context, e *entry) error {
	for name, up := range e.Uploads {
		if err := u.bucket.Abandon(ctx, name, up); err != nil {
			return err
		}
	}
	names := e.Dropped
	for _, f := range e.Files {
		names = append(names, f.Name)
	}
	for _, name := range names {
		if err := u.bucket.Remove(ctx, name); err != nil {
			return err
		}
	}
	if err := u.library.removeFiles(e.ID, e.Files); err != nil { // what could not be taken away when it was deleted
		return err
	}
	return u.library.forget(e.ID)
}

// drop takes a file out of the bucket that its recording has no more.
func (u *uploader) drop(ctx context.Context, e *entry, name string) error {
	if up, begun := e.Uploads[name]; begun {
		if err := u.bucket.Abandon(ctx, name, up); err != nil {
			return err
		}
	}
	if err := u.bucket.Remove(ctx, name); err != nil {
		return err
	}
	_ = u.library.note(e.ID, func(e *entry) { // if it cannot be written down the file is removed again after a restart, or is gone already
		delete(e.Uploads, name)
		e.Dropped = slices.DeleteFunc(e.Dropped, func(s string) bool { return s == name })
	})
	return nil
}

// stop ends the upload of a recording's file, if there is one.
func (u *uploader) stop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.id == id && u.cancel != nil {
		u.cancel()
	}
}

// stopFile ends the upload of a file that is not there any more.
func (u *uploader) stopFile(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.name == name && u.cancel != nil {
		u.cancel()
	}
}

// of tells how far a recording is; nil where nothing of it is to be uploaded.
func (u *uploader) of(e *entry) *Upload {
	up := &Upload{State: Stored}
	u.mu.Lock()
	defer u.mu.Unlock()
	finished, lost := 0, false
	for _, f := range e.Files {
		if !f.Finished {
			continue
		}
		finished++
		fate, failed := u.fates[f.Name]
		switch {
		case f.Stored:
			up.Bytes += f.Bytes
			continue
		case f.Name == u.name:
			up.State = Uploading
			up.Bytes += u.sent
		case fate.isGivenUp():
			lost = true
			continue
		case up.State != Uploading && failed:
			up.State = Retrying
		case up.State == Stored:
			up.State = Queued
		}
		if fate.attempts > up.Attempts {
			up.Error, up.Attempts, up.RetryAt = fate.cause, fate.attempts, fate.next.UTC()
		}
	}
	if finished == 0 {
		return nil
	}
	switch {
	case up.State == Uploading:
		up.RetryAt = time.Time{}
	case up.State == Stored && lost:
		up.State, up.Error = GivenUp, missing
	}
	return up
}
