// Package config is what an operator can set: flags, TUTTI_* environment variables and a tutti.yaml file, in that order
// of precedence, under the same names. What is wrong or unknown is an error at start, with the place where it stands.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// Off switches a listener off.
const Off = "off"

// SRTPort is where SRT is spoken unless somebody says otherwise.
const SRTPort = 8890

// Server is what `tutti serve` can be told.
type Server struct {
	Data string `help:"Directory for keys, certificates and state." default:"data"`
	Dev  bool   `help:"For trying things: loopback only, API key devkey with secret 'secret', publishing and playing need no key."`

	HTTP   string `help:"Address of page, API, signalling, FLV, HLS, WHIP and WHEP." default:":8080"`
	HTTPS  string `help:"The same over TLS, with the local root or your own certificate; 'off' for none." default:":8443" name:"https"`
	RTC    string `help:"UDP address of WebRTC." default:":7882" name:"rtc"`
	RTCTCP string `help:"TCP address of WebRTC, for networks that block UDP; 'off' for none." default:":7881" name:"rtc-tcp"`
	RTMP   string `help:"Address of RTMP, to publish and to play; 'off' for none." default:":1935" name:"rtmp"`
	RTMPS  string `help:"The same over TLS, with the certificate of HTTPS; 'off' for none." default:"off" name:"rtmps"`

	RTMPPlayers int `help:"Most players of RTMP from one address." default:"256" name:"rtmp-players-per-address"`

	ConnectionsPerAddress int `help:"Most HTTP connections from one address (IPv6: one /64), and most viewers of FLV; 0 for any number." default:"4096"`

	TLS           `embed:""`
	SRT           string        `help:"UDP address of SRT, to publish, such as :8890, for networks of encoders only; 'off' for none." default:"off" name:"srt"`
	SRTPassphrase string        `help:"Passphrase that all who publish over SRT must use, 10 to 80 bytes; empty for none, or their stream key." placeholder:"TEXT" name:"srt-passphrase"`
	SRTLatency    time.Duration `help:"How long SRT waits for packets that were lost; encoders may ask for more." default:"120ms" name:"srt-latency"`

	NAT `embed:""`

	PublicAddress []string `help:"Addresses that WebRTC clients reach the server at, where those of its interfaces are not enough." placeholder:"IP"`
	STUN          string   `help:"STUN server to learn the public address from at start." placeholder:"HOST:PORT" name:"stun"`
	Host          []string `help:"Names under which the page may be opened, beside localhost, addresses and the machine's own name; '*' for any." placeholder:"NAME"`
	Origin        []string `help:"Other web origins whose pages may use the API without a token; '*' for any." placeholder:"URL"`
	TrustProxy    bool     `help:"Believe X-Forwarded-For and X-Forwarded-Proto: only behind your own reverse proxy."`

	Play      `embed:""`
	Rooms     `embed:""`
	Audience  `embed:""`
	Admission `embed:""`
	Outbound  `embed:""`
	Recording `embed:""`
	Storage   `embed:""`

	CreateRooms string        `help:"Who may create rooms: anyone, or key (an operator's API key or token)." enum:"anyone,key" default:"anyone"`
	AwayGrace   time.Duration `help:"How long a live room without anybody on stage stays on the air." default:"10s"`
	ReturnGrace time.Duration `help:"How long after a restart a show that was on the air may go on by itself." default:"60s"`
	RoomExpiry  time.Duration `help:"After how long without any use a created room is forgotten; 0 for never." default:"720h"`
	FLVTick     time.Duration `help:"How long FLV writes are gathered: 0 for least delay, up to 350ms for least CPU." default:"50ms" name:"flv-tick"`
	HLSSegment  time.Duration `help:"Target length of HLS segments." default:"2s" name:"hls-segment"`
	HLSPart     time.Duration `help:"Part target of low-latency HLS, 200ms to 1s: viewers are about four of them behind; 0 for classic HLS only." default:"300ms" name:"hls-part"`
	HLSWindow   time.Duration `help:"How far back viewers can go over HLS." default:"60s" name:"hls-window"`
	HLSAlways   bool          `help:"Make the HLS stream of each show from its beginning, not from its first viewer: who comes later can go back to before that, and waits less. It costs what one viewer costs: for 1.8 Mbit/s 0.2 % of a core and 35 MB." name:"hls-always"`
	HLSMemory   int           `help:"Most memory that each rendition of a program over HLS may take, in MiB; where it is reached, viewers cannot go back as far." default:"96" name:"hls-memory"`
	FFmpeg      string        `help:"The ffmpeg program for converting pictures; found in PATH when empty, 'off' for none." placeholder:"FILE" name:"ffmpeg"`

	Compose string `help:"When pictures are composed for those who watch, where the host does not say: auto (as soon as there is more than one on stage), direct (never), or scene (as the room's scene has it: direct in rooms without one)." enum:"auto,direct,scene" default:"scene"`
	Workers int    `help:"Most ffmpeg processes at a time, for converting and composing pictures; 0 for 16 a core." default:"0"`
	Font    string `help:"A font with Chinese characters for names in composed pictures; found where systems keep them when empty, 'off' for none." placeholder:"FILE"`

	LogLevel string `help:"debug, info, warn or error." enum:"debug,info,warn,error" default:"info"`
	LogJSON  bool   `help:"Log JSON lines." name:"log-json"`

	CPUProfile string `help:"Write where the processor's time goes to this file, from the start to the end, for 'go tool pprof'." name:"cpu-profile" placeholder:"FILE"`
}

// Validate is called by kong after parsing.
func (s *Server) Validate() error {
	var errs []error
	check := func(name, address string, mayBeOff bool) {
		if mayBeOff && address == Off {
			return
		}
		if _, port, err := net.SplitHostPort(address); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is no HOST:PORT", name, address))
		} else if _, err := net.LookupPort("tcp", port); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is no port", name, port))
		}
	}
	check("http", s.HTTP, false)
	check("https", s.HTTPS, true)
	check("rtc", s.RTC, false)
	check("rtc-tcp", s.RTCTCP, true)
	check("rtmp", s.RTMP, true)
	check("rtmps", s.RTMPS, true)
	check("srt", s.SRT, true)
	if s.ConnectionsPerAddress < 0 {
		errs = append(errs, errors.New("connections-per-address: must not be negative"))
	}
	if n := len(s.SRTPassphrase); n != 0 && (n < 10 || n > 80) {
		errs = append(errs, errors.New("srt-passphrase: must have 10 to 80 bytes"))
	}
	if s.RTMP == Off && s.RTMPS != Off {
		errs = append(errs, errors.New("rtmps: needs rtmp"))
	}
	check("turn", s.TURN, true)
	check("turns", s.TURNS, true)
	errs = append(errs, s.NAT.validate()...)
	for _, a := range s.PublicAddress {
		if _, err := netip.ParseAddr(a); err != nil {
			errs = append(errs, fmt.Errorf("public-address: %q is no IP address", a))
		}
	}
	errs = append(errs, s.TLS.validate()...)
	between := func(name string, d, low, high time.Duration) {
		if d < low || d > high {
			errs = append(errs, fmt.Errorf("%s: %v is not between %v and %v", name, d, low, high))
		}
	}
	between("srt-latency", s.SRTLatency, 20*time.Millisecond, 8*time.Second)
	between("flv-tick", s.FLVTick, 0, 350*time.Millisecond)
	between("hls-segment", s.HLSSegment, time.Second, 10*time.Second)
	if s.HLSPart != 0 {
		between("hls-part", s.HLSPart, 200*time.Millisecond, time.Second)
	}
	between("hls-window", s.HLSWindow, 10*time.Second, 24*time.Hour)
	if s.HLSMemory < 8 {
		errs = append(errs, fmt.Errorf("hls-memory: %d MiB are not enough", s.HLSMemory))
	}
	between("away-grace", s.AwayGrace, 100*time.Millisecond, 10*time.Minute)
	if s.RoomExpiry != 0 {
		between("room-expiry", s.RoomExpiry, 48*time.Hour, 100*365*24*time.Hour)
	}
	between("return-grace", s.ReturnGrace, time.Second, 10*time.Minute)
	errs = append(errs, s.Play.validate()...)
	errs = append(errs, s.Rooms.validate()...)
	errs = append(errs, s.Audience.validate()...)
	errs = append(errs, s.Admission.validate()...)
	errs = append(errs, s.Outbound.validate()...)
	errs = append(errs, s.Recording.validate()...)
	errs = append(errs, s.Storage.validate()...)
	return errors.Join(errs...)
}

// Recorders and Pushers are who may record and push: what was set, or for auto operators alone where strangers may create rooms, who
// would fill the disk and send streams wherever they like.
func (s *Server) Recorders() string { return s.trusted(s.Record) }

// Pushers is Recorders for pushing.
func (s *Server) Pushers() string { return s.trusted(s.Push) }

// Pullers is Recorders for fetching.
func (s *Server) Pullers() string { return s.trusted(s.Pull) }

func (s *Server) trusted(who string) string {
	switch {
	case who != "auto":
		return who
	case s.CreateRooms == "anyone" && !s.Dev:
		return "operators"
	}
	return "hosts"
}

// BindDev makes the listeners that were left at their defaults loopback only, and tells whether all listeners are.
func (s *Server) BindDev() (loopback bool) {
	loopback = true
	for _, address := range []*string{&s.HTTP, &s.HTTPS, &s.RTC, &s.RTCTCP, &s.RTMP, &s.RTMPS, &s.SRT, &s.TURN, &s.TURNS} {
		host, port, err := net.SplitHostPort(*address)
		if err != nil {
			continue
		}
		if host == "" {
			*address = net.JoinHostPort("127.0.0.1", port)
		} else if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			loopback = false
		}
	}
	return loopback
}

// File reads a YAML file as defaults for flags. Its keys are the flags' names; a key that is no flag is an error. A
// missing file is one only when it was named on purpose.
func File(path string, mustExist bool) (kong.Resolver, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !mustExist {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(content, &values); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return &file{path, values}, nil
}

type file struct {
	path   string
	values map[string]any
}

// Validate refuses keys that are no flags of any command.
func (f *file) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, node := range append([]*kong.Node{app.Node}, app.Children...) {
		for _, flag := range node.Flags {
			known[flag.Name] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.values)) {
		if !known[key] {
			return fmt.Errorf("%s: unknown key %q", f.path, key)
		}
	}
	return nil
}

// Resolve gives a flag's value from the file, unless its environment variable is set.
func (f *file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	value, ok := f.values[flag.Name]
	if !ok {
		return nil, nil
	}
	switch v := value.(type) {
	case []any:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = fmt.Sprint(w)
		}
		return strings.Join(words, ","), nil
	case map[string]any:
		return nil, fmt.Errorf("%s: %s must be a plain value", f.path, flag.Name)
	case nil:
		return nil, nil
	}
	return fmt.Sprint(value), nil
}
