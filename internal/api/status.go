package api

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// meter turns totals into rates between two looks.
type meter struct {
	mu     sync.Mutex
	at     time.Time
	totals map[string]uint64
	cpu    time.Duration
}

// processCPU is the time that the process has used on all cores.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type roomStatus struct {
	roomPolicy
	Participants int         `json:"participants"`
	CreatedAt    time.Time   `json:"createdAt"`
	Live         *liveStatus `json:"live"`
	// BitrateOut is in bit/s, to all viewers; ByProtocol is the same for each way to watch.
	BitrateOut uint64            `json:"bitrateOut"`
	ByProtocol map[string]uint64 `json:"bitrateOutByProtocol,omitempty"`
}

func (a *API) getStatus(w http.ResponseWriter, _ *http.Request) {
	rooms := []roomStatus{}
	totals := map[string]uint64{}
	var participants, viewers int
	studios := a.house.Studios()
	sids := make([]string, len(studios))
	for i, s := range studios {
		info := s.Info()
		sids[i] = info.SID
		policy, _, err := a.house.Policies().Find(info.Name)
		if err != nil {
			refusal.Write(w, err)
			return
		}
		rs := roomStatus{roomPolicy: policyOf(info.Name, policy), Participants: info.Participants, CreatedAt: info.CreatedAt}
		participants += info.Participants
		if st, err := s.LiveStatus(); err == nil {
			live := statusOf(st)
			rs.Live = &live
			viewers += st.Total
			for protocol, bytes := range s.Egress() {
				totals[info.SID+"/"+protocol] = bytes
			}
		}
		rooms = append(rooms, rs)
	}
	out, cpu := a.rate.look(totals, time.Now())
	var sum uint64
	for i := range rooms {
		rooms[i].ByProtocol = map[string]uint64{}
		for key, rate := range out {
			if protocol, ok := strings.CutPrefix(key, sids[i]+"/"); ok {
				rooms[i].ByProtocol[protocol] = rate
				rooms[i].BitrateOut += rate
			}
		}
		sum += rooms[i].BitrateOut
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	answer(w, http.StatusOK, map[string]any{
		"version": a.info.Version, "uptime": time.Since(a.started).Seconds(), "cpu": cpu, "memory": mem.Sys - mem.HeapReleased,
		"rooms": rooms,
		"totals": map[string]any{
			"rooms": len(rooms), "participants": participants, "viewers": viewers, "bitrateOut": sum,
		},
	})
}

// look gives the rate of each total in bit/s and the share of one core used (1 is a whole core) since the last look.
func (m *meter) look(totals map[string]uint64, now time.Time) (map[string]uint64, float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cpu := processCPU()
	rates := map[string]uint64{}
	span := now.Sub(m.at).Seconds()
	share := 0.0
	if !m.at.IsZero() && span > 0 {
		share = (cpu - m.cpu).Seconds() / span
		for k, total := range totals {
			if before, ok := m.totals[k]; ok && total >= before {
				rates[k] = uint64(float64(total-before) * 8 / span)
			}
		}
	}
	m.at, m.totals, m.cpu = now, totals, cpu
	return rates, share
}
