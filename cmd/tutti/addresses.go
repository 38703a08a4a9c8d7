package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/skip2/go-qrcode"

	"github.com/tuttilive/tutti/internal/api"
	"github.com/tuttilive/tutti/internal/auth"
)

// lanAddresses are the machine's addresses that others on the network can reach, IPv4 first.
func lanAddresses() []netip.Addr {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var list []netip.Addr
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		ip = ip.Unmap()
		if ok && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() {
			list = append(list, ip)
		}
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int {
		switch {
		case a.Is4() == b.Is4():
			return 0
		case a.Is4():
			return -1
		}
		return 1
	})
	return list
}

// reachable are the hosts under which a listener can be reached from elsewhere, and whether it is at all.
func reachable(address string) ([]string, bool) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, false
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified():
		var hosts []string
		for _, a := range lanAddresses() {
			if a.Is4() {
				hosts = append(hosts, a.String())
			}
		}
		return hosts, len(hosts) > 0
	case err == nil && ip.IsLoopback() || host == "localhost":
		return nil, false
	}
	return []string{host}, true
}

func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port)
	return n
}

// plainNames are the domains but for wildcards.
func plainNames(domains []string) []string {
	return slices.DeleteFunc(slices.Clone(domains), func(d string) bool { return strings.HasPrefix(d, "*") })
}

// pageAddresses are the addresses to open the page at: on this machine, under its public names, on the network.
func pageAddresses(http, https string, domains []string) []string {
	list := []string{"http://localhost:" + strconv.Itoa(portOf(http))}
	names := plainNames(domains)
	if hosts, ok := reachable(https); ok {
		names = append(names, hosts...)
	}
	for _, name := range names {
		if port := portOf(https); port == 443 {
			list = append(list, "https://"+name)
		} else if port != 0 {
			list = append(list, "https://"+net.JoinHostPort(name, strconv.Itoa(port)))
		}
	}
	return list
}

// encoderAddress is where encoders publish over a protocol.
type encoderAddress struct{ protocol, url string }

// encoderAddresses are those of the doors that are open.
func encoderAddresses(info api.Info) []encoderAddress {
	host := "localhost"
	if len(info.RTMPHosts) > 0 {
		host = info.RTMPHosts[0]
	}
	var list []encoderAddress
	add := func(protocol, scheme string, port int, rest string) {
		if port != 0 {
			list = append(list, encoderAddress{protocol, scheme + net.JoinHostPort(host, strconv.Itoa(port)) + rest})
		}
	}
	add("RTMP", "rtmp://", info.Ports.RTMP, "/live")
	add("RTMPS", "rtmps://", info.Ports.RTMPS, "/live")
	add("SRT", "srt://", info.Ports.SRT, "?streamid=ROOM")
	return list
}

// greet prints what a person at the terminal needs to know.
func greet(info api.Info, keys auth.Keys, dataDir string) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  Tutti %s is ready.\n\n", info.Version)
	fmt.Fprintf(&b, "  Open on this machine    %s\n", info.Addresses[0])
	for i, a := range info.Addresses[1:] {
		label := "For others"
		if info.RootCertificate != "" {
			label = "On your network"
		}
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(&b, "  %-22s  %s\n", label, a)
	}
	fmt.Fprintf(&b, "  Console                 %s/console\n", info.Addresses[0])
	for _, e := range encoderAddresses(info) {
		fmt.Fprintf(&b, "  %-22s  %s\n", "OBS, ffmpeg ("+e.protocol+")", e.url)
	}
	if info.Dev {
		fmt.Fprintf(&b, "\n  DEVELOPMENT MODE: anybody who reaches this server may publish and watch. Do not use it for more than trials.\n")
	}
	secret := "in " + dataDir + "/keys.yaml"
	if info.Dev || isTerminal() {
		secret = keys.Secret
	}
	fmt.Fprintf(&b, "\n  Host key                %s\n", secret)
	fmt.Fprintf(&b, "  API key                 %s   (its secret is the host key)\n", keys.Key)
	for _, r := range info.Features.Reasons {
		fmt.Fprintf(&b, "\n  Off: %s\n", r.Text)
	}
	if len(info.Addresses) > 1 {
		if info.RootCertificate != "" {
			fmt.Fprintf(&b, "\n  For a phone's camera, trust this server's certificate once:\n  %s%s (the README has the steps)\n", info.Addresses[1], info.RootCertificate)
		}
		if q, err := qrcode.New(info.Addresses[1], qrcode.Low); err == nil && isTerminal() {
			b.WriteString(q.ToSmallString(false))
		}
	}
	fmt.Println(b.String())
}

// isTerminal tells whether a person reads the output: a log file needs no QR code.
func isTerminal() bool {
	s, err := os.Stdout.Stat()
	return err == nil && s.Mode()&os.ModeCharDevice != 0
}
