package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// lk runs LiveKit's command-line tool against a server and gives what it says.
type lk struct {
	t       *testing.T
	program string
	env     []string
}

func (l *lk) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.program, args...)
	cmd.Env = l.env
	cmd.WaitDelay = time.Second
	return cmd
}

func (l *lk) run(args ...string) string {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	out, err := l.command(ctx, args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("lk %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// says waits until a command says something that matches.
func (l *lk) says(pattern string, args ...string) string {
	l.t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(200 * time.Millisecond) {
		out := l.run(args...)
		if found := regexp.MustCompile(pattern).FindString(out); found != "" {
			return found
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("lk %s never says %s:\n%s", strings.Join(args, " "), pattern, out)
		}
	}
}

// TestLK moderates a room and loads another with LiveKit's command-line tool, where it is installed or $TUTTI_TEST_LK names it.
func TestLK(t *testing.T) {
	t.Parallel()
	program := os.Getenv("TUTTI_TEST_LK")
	if program == "" {
		var err error
		if program, err = exec.LookPath("lk"); err != nil {
			t.Skip("lk is not installed, and TUTTI_TEST_LK names none")
		}
	}
	r := start(t)
	l := &lk{t, program, append(os.Environ(), "LIVEKIT_URL="+r.url(""), "LIVEKIT_API_KEY="+devKeys.Key, "LIVEKIT_API_SECRET="+devKeys.Secret)}

	l.run("room", "create", "hall")
	l.says(`RM_\w+ . hall`, "room", "list")
	l.says(`"metadata":\s+"theme"`, "room", "update", "--metadata", "theme", "hall")
	ctx, leave := context.WithCancel(t.Context())
	var heard bytes.Buffer
	bot := l.command(ctx, "room", "join", "--identity", "bot", "--publish-demo", "hall")
	bot.Stdout, bot.Stderr = &heard, &heard
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		bot.Wait()
	}()
	t.Cleanup(func() { leave(); <-gone })
	l.says(`bot \(ACTIVE\)\s+tracks: 1`, "room", "participants", "list", "hall")
	sid := l.says(`TR_\w+`, "room", "participants", "get", "--room", "hall", "bot")
	l.says("Muted track", "room", "mute-track", "--room", "hall", "--identity", "bot", sid)
	l.says(`"muted":\s+true`, "room", "participants", "get", "--room", "hall", "bot")
	l.run("room", "send-data", "--room", "hall", "--topic", "t", `{"a":1}`)
	l.run("room", "participants", "update", "--room", "hall", "--metadata", "seat 1", "bot")
	l.says(`"metadata":\s+"seat 1"`, "room", "participants", "get", "--room", "hall", "bot")
	l.run("room", "participants", "remove", "--room", "hall", "bot")
	leftByItself := time.AfterFunc(patience, leave)
	<-gone
	if !leftByItself.Stop() {
		t.Error("who is removed does not leave")
	}
	for _, want := range []string{"received data", "PARTICIPANT_REMOVED"} {
		if !strings.Contains(heard.String(), want) {
			t.Errorf("the one in the room does not say %q:\n%s", want, &heard)
		}
	}
	l.run("room", "delete", "hall")

	for _, codec := range []string{"h264", "vp8"} {
		out := l.run("load-test", "--room", "load-"+codec, "--duration", "6s", "--video-publishers", "1", "--audio-publishers", "1", "--subscribers", "3", "--video-codec", codec)
		if !regexp.MustCompile(`Total\s+│ 6/6\s+│[^│]+│ 0 \(0%\)\s+│ 0\s`).MatchString(out) {
			t.Errorf("with %s:\n%s", codec, out)
		}
	}
}
