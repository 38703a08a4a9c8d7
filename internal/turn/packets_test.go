package turn

import (
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestAnswersLeaveFromTheAddressThatWasAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets all of 127.0.0.0/8 be asked")
	}
	for network, wildcard := range map[string]string{"udp4": "0.0.0.0:0", "udp": "[::]:0"} {
		address, err := net.ResolveUDPAddr(network, wildcard)
		if err != nil {
			t.Fatal(err)
		}
		socket, err := net.ListenUDP(network, address)
		if err != nil {
			t.Logf("%s: %v", network, err) // no IPv6 here
			continue
		}
		defer socket.Close()
		p := newPackets(socket, testGate(time.Unix(2_000_000_000, 0)))
		port := strconv.Itoa(socket.LocalAddr().(*net.UDPAddr).Port)
		for _, host := range []string{"127.0.0.2", "127.0.0.3"} {
			client, err := net.Dial("udp4", net.JoinHostPort(host, port)) // hears this address alone
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Write(message(t, stun.BindingRequest)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			_, from, err := p.ReadFrom(buf)
			if err != nil || from.String() != client.LocalAddr().String() {
				t.Fatalf("%v %v", from, err)
			}
			if _, err := p.WriteTo([]byte("answer"), from); err != nil {
				t.Fatal(err)
			}
			client.SetReadDeadline(time.Now().Add(patience))
			if n, err := client.Read(buf); err != nil || string(buf[:n]) != "answer" {
				t.Errorf("%s, %s: %q %v", network, host, buf[:n], err)
			}
		}
	}
}

// BenchmarkPackets takes channel data in and sends some back, as for a client that is in a call.
func BenchmarkPackets(b *testing.B) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer socket.Close()
	p := newPackets(socket, testGate(time.Unix(2_000_000_000, 0)))
	client, err := net.Dial("udp4", socket.LocalAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	data, buf := make([]byte, 1200), make([]byte, 1600)
	data[0] = 0x40
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(data); err != nil {
			b.Fatal(err)
		}
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.WriteTo(buf[:n], from); err != nil {
			b.Fatal(err)
		}
		if _, err := client.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
