// Package store keeps what must survive a restart: an embedded NATS server with JetStream, in process and without a port,
// under the data directory, used as key-value buckets.
package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNotFound tells that a key has no value.
	ErrNotFound = errors.New("store: not found")
	// ErrExists tells that a key to be created has a value already.
	ErrExists = errors.New("store: exists")
	// ErrFull tells that nothing is written because the disk is full, or takes nothing for another reason.
	ErrFull = errors.New("the server's disk is full: nothing can be kept until there is room again")
)

const (
	// patience bounds every operation: the store is local, so what takes longer is broken.
	patience = 5 * time.Second
	// syncInterval is how long what was written may be in the system's memory alone, which outlives the server and no power failure.
	syncInterval = time.Second
	// startPatience bounds what is done once, at a start, when a machine is busiest, and reading all there is.
	startPatience = time.Minute
)

// maxValue bounds one value, in bytes: a board that is full, or a chat with all that was voted in it.
const maxValue = 8 << 20

// Store is one embedded server. Close stops it after everything is on disk.
type Store struct {
	dir  string
	log  *slog.Logger
	seen time.Time

	// lock is held, to read, by whoever uses the embedded server, which is started again where it has failed.
	lock    sync.RWMutex
	ns      *server.Server
	nc      *nats.Conn
	js      jetstream.JetStream
	buckets []func(patience time.Duration) error // open those there are in the server that runs
	closed  bool

	// full tells that it was said that the disk is full.
	full atomic.Bool
	// failed tells that the embedded server could not write.
	failed atomic.Bool
}

// Open starts the store in dir/store, which is made where needed.
func Open(dir string, log *slog.Logger) (*Store, error) {
	seen, err := seenAt(dir)
	if err != nil {
		return nil, fmt.Errorf("store: reading when the server was last there: %w", err)
	}
	s := &Store{dir: dir, log: log, seen: seen}
	if err := s.start(startPatience); err != nil {
		return nil, err
	}
	return s, nil
}

// start starts the embedded server, and waits for it for so long.
func (s *Store) start(patience time.Duration) error {
	ns, err := server.NewServer(&server.Options{
		ServerName: "tutti", DontListen: true, JetStream: true, StoreDir: filepath.Join(s.dir, "store"),
		NoSigs: true, NoLog: true, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30, MaxPayload: maxValue, SyncInterval: syncInterval,
	})
	if err != nil {
		return fmt.Errorf("store: preparing the embedded server in %s: %w", s.dir, err)
	}
	ns.SetLoggerV2(natsLog{s.log, &s.failed}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(patience) {
		ns.Shutdown()
		return fmt.Errorf("store: the embedded server in %s did not start within %v", s.dir, patience)
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns), nats.Name("tutti"), nats.Timeout(patience))
	if err != nil {
		ns.Shutdown()
		return fmt.Errorf("store: connecting to the embedded server: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		ns.Shutdown()
		return fmt.Errorf("store: opening JetStream: %w", err)
	}
	s.ns, s.nc, s.js = ns, nc, js
	return nil
}

// Size is how many bytes are kept on disk.
func (s *Store) Size() uint64 {
	s.lock.RLock()
	defer s.lock.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	info, err := s.js.AccountInfo(ctx)
	if err != nil {
		return 0
	}
	return info.Store
}

// Close stops the store.
func (s *Store) Close() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.closed = true
	s.stop()
}

func (s *Store) stop() {
	s.nc.Close()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// Bucket is a set of values of one type, as JSON, under keys of any text.
type Bucket[T any] struct {
	store *Store
	name  string
	kv    jetstream.KeyValue
}

// OpenBucket opens a bucket, making it where needed.
func OpenBucket[T any](s *Store, name string) (*Bucket[T], error) {
	b := &Bucket[T]{store: s, name: name}
	s.lock.Lock()
	defer s.lock.Unlock()
	if err := b.open(startPatience); err != nil {
		return nil, err
	}
	s.buckets = append(s.buckets, b.open)
	return b, nil
}

// open opens it in the embedded server that runs, for which it waits for so long. The store is locked.
func (b *Bucket[T]) open(patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	js := b.store.js
	kv, err := js.KeyValue(ctx, b.name) // first, since making one that is there writes, which a full disk does not let
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: b.name, History: 1, Storage: jetstream.FileStorage})
	}
	if err != nil {
		return fmt.Errorf("store: opening bucket %s: %w", b.name, err)
	}
	b.kv = kv
	return nil
}

// keyOf encodes a key, since NATS allows few characters and names may be of any script.
func keyOf(name string) string { return hex.EncodeToString([]byte(name)) }

// Get reads a value, ErrNotFound where there is none.
func (b *Bucket[T]) Get(name string) (T, error) {
	var v T
	b.store.lock.RLock()
	defer b.store.lock.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	entry, err := b.kv.Get(ctx, keyOf(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return v, ErrNotFound
	}
	if err != nil {
		return v, fmt.Errorf("store: reading %q: %w", name, err)
	}
	if err := json.Unmarshal(entry.Value(), &v); err != nil {
		return v, fmt.Errorf("store: value of %q: %w", name, err)
	}
	return v, nil
}

// Create writes a value that must not be there yet, else ErrExists.
func (b *Bucket[T]) Create(name string, v T) error {
	return b.write(name, v, func(ctx context.Context, key string, value []byte) error {
		_, err := b.kv.Create(ctx, key, value)
		if errors.Is(err, jetstream.ErrKeyExists) {
			return ErrExists
		}
		return err
	})
}

// Put writes a value.
func (b *Bucket[T]) Put(name string, v T) error {
	return b.write(name, v, func(ctx context.Context, key string, value []byte) error {
		_, err := b.kv.Put(ctx, key, value)
		return err
	})
}

// Delete forgets a value, also one that is not there.
func (b *Bucket[T]) Delete(name string) error {
	// Purging leaves a marker alone; a marker for each name that ever was is small, and the store keeps one for a name.
	err := b.store.write(purgeReserve, func(ctx context.Context) error { return b.kv.Purge(ctx, keyOf(name)) })
	if err != nil {
		return fmt.Errorf("store: deleting %q: %w", name, err)
	}
	return nil
}

// All reads every value, by name. What cannot be decoded is left out.
func (b *Bucket[T]) All() (map[string]T, error) {
	b.store.lock.RLock()
	defer b.store.lock.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	watch, err := b.kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, fmt.Errorf("store: reading all: %w", err)
	}
	defer watch.Stop()
	all := map[string]T{}
	for {
		select {
		case entry := <-watch.Updates():
			if entry == nil { // all that was there has come
				return all, nil
			}
			name, err := hex.DecodeString(entry.Key())
			var v T
			if err == nil && json.Unmarshal(entry.Value(), &v) == nil {
				all[string(name)] = v
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("store: reading all: %w", ctx.Err())
		}
	}
}

func (b *Bucket[T]) write(name string, v T, do func(context.Context, string, []byte) error) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: value of %q: %w", name, err)
	}
	if err := b.store.write(reserve, func(ctx context.Context) error { return do(ctx, keyOf(name), value) }); err != nil {
		return fmt.Errorf("store: writing %q: %w", name, err)
	}
	return nil
}

// natsLog passes on what the embedded server complains about, and notes when it could not write.
type natsLog struct {
	log    *slog.Logger
	failed *atomic.Bool
}

func (natsLog) Noticef(string, ...any)          {}
func (natsLog) Debugf(string, ...any)           {}
func (natsLog) Tracef(string, ...any)           {}
func (l natsLog) Warnf(format string, v ...any) { l.log.Debug("store: " + fmt.Sprintf(format, v...)) }
func (l natsLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(strings.ToLower(text), "critical write error") {
		l.failed.Store(true)
	}
	l.log.Error("store: " + text)
}
func (l natsLog) Fatalf(format string, v ...any) {
	l.log.Error("store: " + fmt.Sprintf(format, v...))
}
