package turn

import (
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var coturnTotals = regexp.MustCompile(`start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)`)

// TestCoturnClient lets another implementation's client use the server: relays that send to each other, with the shared
// secret of the TURN REST API and with a user and password made from it.
func TestCoturnClient(t *testing.T) {
	program, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		t.Skip("turnutils_uclient is missing: install the package coturn")
	}
	s := listen(t, func(c *Config) { c.TLS, c.Certificate = "127.0.0.1:0", certificate(t) })
	plain, _, secure := s.Ports()
	username, password := issue(testSecret, "bo", time.Now().Add(time.Hour))
	for _, c := range []struct {
		name string
		port int
		args []string
	}{
		{"udp", plain, []string{"-u", "ada", "-W", testSecret}},
		{"udp, user and password", plain, []string{"-u", username, "-w", password}},
		{"udp, send indications", plain, []string{"-s", "-u", "cy", "-W", testSecret}},
		{"tcp", plain, []string{"-t", "-u", "di", "-W", testSecret}},
		{"tls", secure, []string{"-t", "-S", "-u", "ed", "-W", testSecret}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			const messages = "10"
			args := append([]string{"-y", "-c", "-m", "2", "-n", messages, "-p", strconv.Itoa(c.port)}, c.args...)
			out, err := exec.CommandContext(ctx, program, append(args, "127.0.0.1")...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			totals := coturnTotals.FindSubmatch(out)
			if totals == nil || string(totals[1]) != "20" || string(totals[2]) != "20" {
				t.Fatalf("not all arrived:\n%s", out)
			}
		})
	}
}
