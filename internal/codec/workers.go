package codec

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// Workers starts ffmpeg processes. It is safe for use by several goroutines.
type Workers struct {
	path    string
	version string
	err     error
}

// oldest is the oldest major version of ffmpeg that knows all options that are used.
const oldestFFmpeg = 4

var ffmpegVersion = regexp.MustCompile(`^ffmpeg version (\S+)`)

// FindWorkers looks for ffmpeg at path, or in PATH when empty. Without one the result still works, and says so.
func FindWorkers(path string) *Workers {
	w := &Workers{}
	if path == "" {
		path = "ffmpeg"
	}
	w.path, w.err = exec.LookPath(path)
	if w.err != nil {
		w.err = ErrNoWorkers
		return w
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.path, "-hide_banner", "-version")
	cmd.Env = []string{}
	out, err := cmd.Output()
	if err != nil {
		w.err = fmt.Errorf("codec: %s cannot be run: %w: pictures cannot be converted", w.path, err)
		return w
	}
	w.version, w.err = checkVersion(string(out))
	return w
}

// checkVersion reads the first line of ffmpeg -version. Builds from git have a version of their own and are trusted.
func checkVersion(out string) (string, error) {
	m := ffmpegVersion.FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("codec: what is called ffmpeg is not: pictures cannot be converted")
	}
	major := 0
	for i, c := range m[1] {
		if c < '0' || c > '9' {
			major, _ = strconv.Atoi(m[1][:i])
			break
		}
	}
	if major > 0 && major < oldestFFmpeg {
		return m[1], fmt.Errorf("codec: ffmpeg %s is too old, %d is needed: pictures cannot be converted", m[1], oldestFFmpeg)
	}
	return m[1], nil
}

// Available is nil, or says why no picture can be converted.
func (w *Workers) Available() error { return w.err }

// Version is ffmpeg's version, empty without one.
func (w *Workers) Version() string { return w.version }
