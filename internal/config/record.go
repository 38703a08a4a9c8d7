package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Recording is what is recorded of shows, and how long it is kept.
type Recording struct {
	Record           string        `help:"Who may record shows: hosts, operators alone, always (each show is recorded), or off; auto is operators where anyone may create rooms, else hosts." enum:"auto,hosts,operators,always,off" default:"auto"`
	RecordDir        string        `help:"Directory for recordings; recordings/ in the data directory when empty." placeholder:"DIR"`
	RecordSplit      time.Duration `help:"Length after which a recording goes on in another file; 0 for never." default:"2h"`
	RecordSplitBytes string        `help:"Size after which it does, such as 4G; 0 for no bound." default:"0"`
	RecordKeep       time.Duration `help:"How long recordings are kept where the room does not say otherwise; 0 for ever." default:"0"`
	RecordReserve    string        `help:"What recordings leave free on their disk, such as 1G." default:"512M"`
}

// SplitSize and ReserveSize are in bytes.
func (r *Recording) SplitSize() int64 { n, _ := bytesOf(r.RecordSplitBytes); return n }

// ReserveSize is what stays free.
func (r *Recording) ReserveSize() int64 { n, _ := bytesOf(r.RecordReserve); return n }

// bytesOf reads a size: a number, with K, M, G or T after it.
func bytesOf(text string) (int64, error) {
	number, unit := strings.TrimSpace(text), int64(1)
	if i := strings.IndexAny(strings.ToUpper(number), "KMGT"); i >= 0 && i == len(number)-1 {
		unit = 1 << (10 * (1 + strings.IndexByte("KMGT", strings.ToUpper(number)[i])))
		number = number[:i]
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is no size such as 512M or 4G", text)
	}
	return n * unit, nil
}

// validate gives everything that is wrong with the settings above.
func (r *Recording) validate() (errs []error) {
	for name, size := range map[string]string{"record-split-bytes": r.RecordSplitBytes, "record-reserve": r.RecordReserve} {
		if _, err := bytesOf(size); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if n := r.SplitSize(); n != 0 && n < 1<<20 {
		errs = append(errs, errors.New("record-split-bytes: at least 1M, or 0"))
	}
	if r.RecordSplit != 0 && r.RecordSplit < time.Second {
		errs = append(errs, errors.New("record-split: at least 1s, or 0"))
	}
	if r.RecordKeep < 0 {
		errs = append(errs, errors.New("record-keep: must not be negative"))
	}
	return errs
}
