package rtcload

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
)

// Result is what came out.
type Result struct {
	Plan    Plan
	Seconds float64
	Tally   Tally
	CPU     time.Duration
	// Waited is how long the server was ready to run and did not.
	Waited time.Duration
	// Join is the CPU time of one client's coming, and MemoryEach the slope of memory over clients, in bytes.
	Join       time.Duration
	MemoryEach int64
	Memory     int64
	// Ages are how old media was when it came, First how long after joining the first picture came, Late how long after their time
	// pictures left; at the shares.
	Ages, First, Late []time.Duration
	// Told are messages, and ToldBytes bytes, of signalling to all clients until all were there, ToldLater messages while it was measured.
	Told, ToldBytes, ToldLater int64
	// Load is what the clients themselves took, in cores.
	Load float64
	// Single is the least CPU that a packet can cost that is sent alone, Trains that of packets as they come here.
	Single, Trains time.Duration
}

var shares = []float64{0.5, 0.95, 0.99}

func (r *Result) fill(start, end state) {
	r.Seconds = end.at.Sub(start.at).Seconds()
	r.CPU, r.Waited, r.Memory = end.cpu-start.cpu, end.waited-start.waited, end.memory
	r.Told, r.ToldBytes, r.ToldLater = start.told, start.toldBytes, end.told-start.told
	r.Tally = Tally{
		Packets: end.tally.Packets - start.tally.Packets, Bytes: end.tally.Bytes - start.tally.Bytes,
		Lost: end.tally.Lost - start.tally.Lost, Stalls: end.tally.Stalls - start.tally.Stalls,
		Repaired: end.tally.Repaired - start.tally.Repaired, Undecryptable: end.tally.Undecryptable,
	}
}

// perPacket is in microseconds.
func (r *Result) perPacket() float64 {
	return float64(r.CPU.Microseconds()) / float64(max(r.Tally.Packets, 1))
}

// packetOverhead is what a packet carries besides its payload: header, extensions, tag.
const packetOverhead = 12 + 16 + 16

// floor measures what the same packets cost with nothing around their sending.
func (r *Result) floor() (err error) {
	p := r.Plan
	mean := int(r.Tally.Bytes / max(r.Tally.Packets, 1))
	if r.Single, err = bench.UDPFloor(p.Core, bench.Burst{Count: 1, Size: mean}); err != nil {
		return err
	}
	sound := bench.Burst{Count: 1, Size: 80 + packetOverhead}
	bursts := []bench.Burst{sound}
	if p.Mode != Sound {
		bitrate := p.Bitrate
		if p.Mode == Meeting {
			bitrate = layersOf(true, bitrate)[1].bitrate
		}
		pieces, err := p.Sizes.cut(bitrate / 8 / bench.FPS)
		if err != nil {
			return err
		}
		// 30 pictures for 50 pieces of sound a second. A byte more or less is evened out by padding.
		picture := bench.Burst{Count: len(pieces), Size: slices.Max(pieces) + 2 + packetOverhead}
		bursts = []bench.Burst{sound, sound, sound, sound, sound, picture, picture, picture}
	}
	r.Trains, err = bench.UDPFloor(p.Core, bursts...)
	return err
}

// Print writes the result as rows of a table.
func (r *Result) Print(w io.Writer) {
	packets := float64(max(r.Tally.Packets, 1))
	micro := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	milli := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	row := func(what, format string, values ...any) {
		fmt.Fprintf(w, "| %s | %s |\n", what, fmt.Sprintf(format, values...))
	}
	row("clients; packets/s, Mbit/s each", "%d; %.0f, %.2f", r.Plan.People, packets/r.Seconds/float64(r.Plan.People), float64(r.Tally.Bytes)*8/1e6/r.Seconds/float64(r.Plan.People))
	row("server, % of a core; ready, but without one", "%.0f; %.1f", 100*r.CPU.Seconds()/r.Seconds, 100*r.Waited.Seconds()/r.Seconds)
	row("CPU a forwarded packet, us", "%.2f", r.perPacket())
	row("CPU a Mbit, us", "%.0f", float64(r.CPU.Microseconds())/(float64(r.Tally.Bytes)*8/1e6))
	row("floor: packets sent one by one, us", "%.2f", micro(r.Single))
	row("floor: pictures sent whole, us", "%.2f", micro(r.Trains))
	row("CPU a join, ms", "%.1f", milli(r.Join))
	if !r.Plan.WHEP {
		people := float64(r.Plan.People)
		row("signalling a client: messages, KB until all were there; messages a second later", "%.0f, %.0f; %.2f",
			float64(r.Told)/people, float64(r.ToldBytes)/people/1e3, float64(r.ToldLater)/people/r.Seconds)
	}
	row("memory a client (slope), KB", "%.0f", float64(r.MemoryEach)/1e3)
	row("memory in all, MB", "%.0f", float64(r.Memory)/1e6)
	row("latency p50 / p95 / p99, ms", "%.1f / %.1f / %.1f", milli(r.Ages[0]), milli(r.Ages[1]), milli(r.Ages[2]))
	if r.Plan.Mode != Sound {
		row("first picture p50 / p99, ms", "%.0f / %.0f", milli(r.First[0]), milli(r.First[2]))
	}
	row("lost; repaired; stalls over 300 ms", "%d (%.3f %%); %d; %d", int64(r.Tally.Lost), 100*float64(int64(r.Tally.Lost))/packets, r.Tally.Repaired, r.Tally.Stalls)
	if r.Tally.Undecryptable > 0 {
		row("undecryptable", "%d", r.Tally.Undecryptable)
	}
	row("the clients, % of a core", "%.0f", 100*r.Load)
	if r.Plan.Mode != Sound {
		row("their pictures left late by p50 / p95 / p99, ms", "%.1f / %.1f / %.1f", milli(r.Late[0]), milli(r.Late[1]), milli(r.Late[2]))
	}
}
