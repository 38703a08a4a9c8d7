//go:build linux

// Command tun joins two TUN devices by a way that is limited, delays and loses: where the kernel has no netem, what is between two network
// namespaces. It makes the devices, says "ready", and takes one line of JSON after the other from its input, until that ends: what the ways there and
// back are to be like from now on. Each is answered by a line that counts what passed and what did not since the beginning.
//
//	tun A B
//	{"there": {"rate": 500000, "delay": 20, "queue": 300, "loss": 0.05}, "back": {"delay": 20}}
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

// way is one direction, as the input describes it: rate in bit/s, 0 for no limit; times in milliseconds; loss from 0 to 1.
type way struct {
	Rate   float64 `json:"rate"`
	Delay  float64 `json:"delay"`
	Jitter float64 `json:"jitter"`
	Queue  float64 `json:"queue"`
	Loss   float64 `json:"loss"`
}

func (w way) config() netsim.Config {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	c := netsim.Config{Rate: w.Rate, Delay: ms(w.Delay), Jitter: ms(w.Jitter), Queue: ms(w.Queue)}
	if w.Loss > 0 {
		c.Loss = netsim.Random(w.Loss)
	}
	return c
}

type ways struct {
	There way `json:"there"`
	Back  way `json:"back"`
}

// counts are packets of one direction.
type counts struct {
	Sent    int `json:"sent"`
	Dropped int `json:"dropped"`
	Lost    int `json:"lost"`
}

// direction takes packets from one device to the other. It belongs to the main goroutine.
type direction struct {
	link *netsim.Link[[]byte]
	to   *os.File
	sent int
}

func (d *direction) arrive(now time.Duration) {
	for {
		packet, _, ok := d.link.Receive(now)
		if !ok {
			return
		}
		_, _ = d.to.Write(packet) // a device that is down loses it
	}
}

func (d *direction) counts() counts { return counts{d.sent, d.link.Dropped, d.link.Lost} }

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: tun A B"))
	}
	a, err := open(os.Args[1])
	fail(err)
	b, err := open(os.Args[2])
	fail(err)
	there := &direction{link: netsim.New[[]byte](netsim.Config{}, 1), to: b}
	back := &direction{link: netsim.New[[]byte](netsim.Config{}, 2), to: a}
	fromA, fromB, input := packets(a), packets(b), lines()
	fmt.Println("ready")
	begun := time.Now()
	tick := time.NewTicker(time.Millisecond)
	for {
		select {
		case p := <-fromA:
			there.sent++
			there.link.Send(time.Since(begun), len(p), p)
		case p := <-fromB:
			back.sent++
			back.link.Send(time.Since(begun), len(p), p)
		case line, ok := <-input:
			if !ok {
				return
			}
			var w ways
			fail(json.Unmarshal(line, &w))
			there.link.Change(w.There.config())
			back.link.Change(w.Back.config())
			answer, err := json.Marshal(map[string]counts{"there": there.counts(), "back": back.counts()})
			fail(err)
			fmt.Println(string(answer))
		case <-tick.C:
		}
		now := time.Since(begun)
		there.arrive(now)
		back.arrive(now)
	}
}

// open makes a TUN device of plain IP packets.
func open(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
		return nil, fmt.Errorf("making device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func packets(from *os.File) <-chan []byte {
	out := make(chan []byte, 1024)
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := from.Read(buffer)
			if err != nil {
				fail(err)
			}
			out <- append([]byte(nil), buffer[:n]...)
		}
	}()
	return out
}

func lines() <-chan []byte {
	out := make(chan []byte)
	go func() {
		defer close(out)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			out <- append([]byte(nil), in.Bytes()...)
		}
	}()
	return out
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
