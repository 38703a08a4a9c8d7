package turn

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
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

// TestCoturnAsOutsideServer shows our credentials to another implementation's server.
func TestCoturnAsOutsideServer(t *testing.T) {
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Skip("turnserver is missing: install the package coturn")
	}
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.LocalAddr().(*net.UDPAddr).Port
	free.Close()
	directory, err := NewDirectory(DirectoryConfig{Secret: testSecret, Outside: Outside{URLs: []string{"turn:127.0.0.1"}, Secret: "theirs"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	dir := t.TempDir()
	server := exec.CommandContext(ctx, program, "-n", "--log-file", "stdout", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", strconv.Itoa(port), "--no-tls", "--no-dtls", "--no-tcp",
		"--no-cli", "--use-auth-secret", "--static-auth-secret", "theirs", "-r", "theirs", "--pidfile", dir+"/pid", "--userdb", dir+"/db", "--min-port", "30200", "--max-port", "30299")
	server.WaitDelay = 5 * time.Second
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stop(); server.Wait() }()

	credentials := directory.Servers("ada", "h")[0]
	allocated := func() error {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer conn.Close()
		client, err := turn.NewClient(&turn.ClientConfig{
			TURNServerAddr: netip.AddrPortFrom(loopback4, uint16(port)).String(), Username: credentials.Username, Password: credentials.Credential, Conn: conn, RTO: 100 * time.Millisecond,
		})
		if err != nil {
			return err
		}
		defer client.Close()
		if err := client.Listen(); err != nil {
			return err
		}
		relayed, err := client.Allocate()
		if err != nil {
			return err
		}
		return relayed.Close()
	}
	for err = allocated(); err != nil && ctx.Err() == nil && strings.Contains(err.Error(), "retransmissions"); { // it takes its time to start
		err = allocated()
	}
	if err != nil {
		t.Fatal(err)
	}
}
