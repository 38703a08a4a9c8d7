package codec

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// workerHang is how long a worker may keep pictures without giving any.
	workerHang = 5 * time.Second
	// workerStart is how much longer it may take for its first.
	workerStart = 5 * time.Second
	// drainMax is how long it may take to finish when another is to take over.
	drainMax = 300 * time.Millisecond
)

// process is one ffmpeg, bounded in what it can take and watched. Whoever attends to it writes and closes it; another goroutine
// reads its output; a third kills it when it takes pictures and gives none. They end with the process.
type process struct {
	workers *Workers
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  *tail
	hang    time.Duration
	owed    ledger

	quit  <-chan struct{} // closed by others to kill the process, so that a write cannot block for ever
	stop  chan struct{}
	done  chan struct{} // the output has ended and the process is gone
	err   error         // why; valid after done
	count atomic.Int64  // pictures that came out
}

// startProcess runs ffmpeg and attends to it.
func (w *Workers) startProcess(args []string, hang time.Duration, quit <-chan struct{}, read func(*process, io.Reader) error) (*process, error) {
	p, err := w.spawn(args)
	if err != nil {
		return nil, err
	}
	p.attend(hang, quit, read)
	return p, nil
}

// spawn runs ffmpeg, which waits for something to read. It is followed by attend or by discard.
func (w *Workers) spawn(args []string) (_ *process, err error) {
	if err := w.takeRoom(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.giveRoom()
		}
	}()
	p := &process{workers: w, stderr: &tail{}, stop: make(chan struct{}), done: make(chan struct{})}
	p.owed.patient = true
	p.cmd = exec.Command(w.path, args...)
	p.cmd.Env = []string{}
	p.cmd.Dir = "/"
	isolate(p.cmd)
	p.cmd.Stderr = p.stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	widenPipe(p.stdin)
	widenPipe(p.stdout)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("codec: starting ffmpeg: %w", err)
	}
	if err := limitProcess(p.cmd.Process.Pid); err != nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		return nil, fmt.Errorf("codec: limiting ffmpeg: %w", err)
	}
	return p, nil
}

// attend begins to watch the process; read gets its output on a goroutine of its own. It is killed when quit is closed.
func (p *process) attend(hang time.Duration, quit <-chan struct{}, read func(*process, io.Reader) error) {
	p.hang, p.quit = hang, quit
	go p.watch()
	go func() {
		defer close(p.done)
		defer p.workers.giveRoom()
		err := read(p, p.stdout)
		p.cmd.Process.Kill() // it has said all, or nonsense
		if waited := p.cmd.Wait(); err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = waited
		}
		if err == nil {
			err = io.EOF
		}
		p.err = fmt.Errorf("codec: ffmpeg ended: %w%s", err, p.stderr.suffix())
	}()
}

// discard ends a process that nobody attends to.
func (p *process) discard() {
	p.cmd.Process.Kill()
	p.cmd.Wait() // with what has begun an error says nothing
	p.workers.giveRoom()
}

func (p *process) send(b []byte) error {
	if _, err := p.stdin.Write(b); err != nil {
		return fmt.Errorf("codec: feeding ffmpeg: %w", err)
	}
	return nil
}

// watch kills a process that takes pictures and gives none.
func (p *process) watch() {
	every := min(p.hang/4, time.Second)
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-p.stop:
			p.cmd.Process.Kill()
			return
		case <-p.quit:
			p.cmd.Process.Kill()
			return
		case <-p.done:
			return
		case <-tick.C:
			now := time.Now()
			if passed := now.Sub(last); passed > 2*every {
				p.owed.forgive(passed) // it is the machine that has no time, for us neither
			}
			last = now
			limit := p.hang
			if runnable(p.cmd.Process.Pid) {
				limit = max(limit, workerHang) // it works, or waits for a core
			}
			if p.owed.overdue(now, limit) {
				p.cmd.Process.Kill()
				return
			}
		}
	}
}

// drain lets the process finish what it has, for so long at most, before close.
func (p *process) drain(most time.Duration) {
	p.stdin.Close()
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
}

// close ends the process and waits for it and for its output. It is called once, by the goroutine that writes.
func (p *process) close() {
	close(p.stop)
	p.stdin.Close()
	<-p.done
}

// tail keeps the end of what a process complains of. It is written by one goroutine and read after that has ended.
type tail struct{ b []byte }

const tailMax = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 2*tailMax {
		t.b = append(t.b[:0], t.b[len(t.b)-tailMax:]...)
	}
	return len(p), nil
}

func (t *tail) suffix() string {
	b := t.b[max(0, len(t.b)-tailMax):]
	if s := strings.TrimSpace(string(b)); s != "" {
		return ": " + strings.ReplaceAll(s, "\n", "; ")
	}
	return ""
}
