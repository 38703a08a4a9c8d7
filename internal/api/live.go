package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sse"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// liveStatus is a room on the air as clients see it.
type liveStatus struct {
	On bool `json:"on"`
	// Returning tells of a show that a restart of the server interrupted and that may go on.
	Returning bool `json:"returning,omitempty"`
	// Resumed is when a show went on after such an interruption: players begin anew.
	Resumed           *time.Time     `json:"resumed,omitempty"`
	Since             *time.Time     `json:"since,omitempty"`
	Title             string         `json:"title,omitempty"`
	Viewers           int            `json:"viewers"`
	ViewersByProtocol map[string]int `json:"viewersByProtocol,omitempty"`
	PeakViewers       int            `json:"peakViewers"`
	Skips             map[string]int `json:"skips,omitempty"`
	// Pinned is the track that the host chose to show, empty while Tutti chooses.
	Pinned string `json:"pinned"`
	// Composed tells that the picture is composed of several.
	Composed bool              `json:"composed"`
	Video    *videoStatus      `json:"video"`
	Audio    *audioStatus      `json:"audio"`
	Sources  []sourceStatus    `json:"sources"`
	Warnings []program.Warning `json:"warnings"`
	Play     *playAddresses    `json:"play,omitempty"`
	// Recording tells that what is on the air is being recorded, and since when.
	Recording *recordingStatus `json:"recording,omitempty"`
}

type recordingStatus struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

type videoStatus struct {
	Codec   string  `json:"codec"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"`
	Bitrate int     `json:"bitrate"`
}

type audioStatus struct {
	Codec   string `json:"codec"`
	Bitrate int    `json:"bitrate"`
}

type sourceStatus struct {
	Identity string        `json:"identity"`
	Name     string        `json:"name"`
	Kind     string        `json:"kind"`
	Tracks   []trackStatus `json:"tracks"`
}

type trackStatus struct {
	SID     string  `json:"sid"`
	Kind    string  `json:"kind"`
	Source  string  `json:"source"`
	Codec   string  `json:"codec"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	FPS     float64 `json:"fps"`
	Bitrate int     `json:"bitrate"`
	Muted   bool    `json:"muted"`
	Shown   bool    `json:"shown"`
}

func statusOf(st studio.LiveStatus) liveStatus {
	out := liveStatus{
		On: true, Since: &st.Since, Title: st.Title, Viewers: st.Total, ViewersByProtocol: st.Viewers, PeakViewers: st.Peak,
		Skips: st.Skips, Pinned: st.Pinned, Composed: st.Composed, Sources: []sourceStatus{}, Warnings: st.Warnings,
	}
	if out.Warnings == nil {
		out.Warnings = []program.Warning{}
	}
	if !st.Resumed.IsZero() {
		out.Resumed = &st.Resumed
	}
	if p := st.Picture; st.Composed {
		out.Video = &videoStatus{p.Codec.String(), p.Width, p.Height, p.FPS, p.Bitrate}
	}
	for _, src := range st.Sources {
		s := sourceStatus{Identity: src.Participant.Identity, Name: src.Participant.Name, Kind: "person", Tracks: []trackStatus{}}
		if src.Participant.Kind == room.Ingest {
			s.Kind = "ingest"
		}
		for _, t := range src.Tracks {
			s.Tracks = append(s.Tracks, trackStatus{
				SID: t.SID, Kind: t.Kind.String(), Source: t.Source.String(), Codec: t.Codec.String(), Width: t.Width, Height: t.Height,
				FPS: t.FPS, Bitrate: t.Bitrate, Muted: t.Muted, Shown: t.Shown,
			})
			switch {
			case t.Shown && !st.Composed:
				out.Video = &videoStatus{t.Codec.String(), t.Width, t.Height, t.FPS, t.Bitrate}
			case t.Kind == media.Audio && out.Audio == nil:
				out.Audio = &audioStatus{t.Codec.String(), t.Bitrate}
			}
		}
		out.Sources = append(out.Sources, s)
	}
	return out
}

func (a *API) liveStatus(name string) (liveStatus, error) {
	s, err := a.house.Studio(name)
	if err != nil {
		return liveStatus{}, a.house.NotLive(name)
	}
	st, err := s.LiveStatus()
	if err != nil {
		return liveStatus{}, a.house.NotLive(name)
	}
	out := statusOf(st)
	out.Play = a.playAddresses(name, time.Now())
	if a.recorder != nil {
		if rec, ok := a.recorder.Running(name); ok {
			out.Recording = &recordingStatus{rec.ID, rec.StartedAt}
		}
	}
	return out, nil
}

// offAir is the status of a room that is not on the air.
func (a *API) offAir(name string) liveStatus {
	st := liveStatus{Sources: []sourceStatus{}, Warnings: []program.Warning{}}
	if live := a.house.Live(name); live.Returning {
		st.Returning, st.Since, st.Title = true, &live.Since, live.Title
	}
	return st
}

func (a *API) getLive(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	if _, err := a.admit(r, studio.ToWatch); err != nil {
		refusal.Write(w, err)
		return
	}
	st, err := a.liveStatus(name)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, st)
}

// getSnapshot gives a picture of what is on the air, a few seconds old at most. Whoever may not play the program gets none.
func (a *API) getSnapshot(w http.ResponseWriter, r *http.Request) {
	name, c := r.PathValue("room"), credential(r)
	claims, err := a.admitWith(r, c, studio.ToWatch)
	if err == nil && !claims.Video.RoomAdmin {
		_, err = a.house.AdmitPlayer(r.Context(), name, "snapshot", c.From(r.RemoteAddr))
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	picture, err := a.house.Snapshot(context.WithoutCancel(r.Context()), name) // it is for others too
	if err != nil {
		refusal.Write(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", int(studio.SnapshotAge.Seconds())))
	w.Write(picture)
}

func (a *API) goLive(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	var req struct {
		Title string `json:"title"`
		Show  string `json:"show"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	if len(req.Title) > maxTitle {
		refusal.Write(w, errBadBody)
		return
	}
	s, err := a.house.Studio(name)
	if err == nil {
		err = a.house.Words().Fit(&req.Title)
	}
	if err != nil {
		refusal.Write(w, err)
		return
	}
	if req.Show != "" && !publishes(s, req.Show) { // before anybody sees anything
		refusal.Write(w, room.ErrNoPublication)
		return
	}
	if err := s.GoLive(a.actor(r), req.Title); err != nil {
		refusal.Write(w, err)
		return
	}
	if req.Show != "" {
		if err := s.Show(req.Show); err != nil {
			refusal.Write(w, err)
			return
		}
	}
	a.answerLive(w, name)
}

// publishes tells whether anybody in a room publishes a track.
func publishes(s *studio.Studio, trackSID string) bool {
	return slices.ContainsFunc(s.Participants(), func(p room.Participant) bool {
		return slices.ContainsFunc(p.Publications, func(pub room.Publication) bool { return pub.SID == trackSID })
	})
}

func (a *API) answerLive(w http.ResponseWriter, name string) {
	st, err := a.liveStatus(name)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, st)
}

// actor is the identity that a request acts for.
func (a *API) actor(r *http.Request) string {
	claims, err := a.house.Keys().Verify(credential(r).Token)
	if err != nil {
		return "host"
	}
	return claims.Identity
}

func (a *API) showTrack(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Show string `json:"show"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	a.inStudio(w, r, func(s *studio.Studio) error { return s.Show(req.Show) })
}

func (a *API) endLive(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, studio.ErrNotLive)
		return
	}
	sum, err := s.EndLive()
	if err != nil {
		refusal.Write(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]any{"duration": sum.Duration.Seconds(), "peakViewers": sum.Peak})
}

// eventInterval is how often a client hears of a live room even when nothing changed but the figures. Tests change it.
var eventInterval = 2 * time.Second

// maxEventStreams bounds how many clients follow rooms at the same time, about as many as there are descriptors.
const maxEventStreams = 20_000

// termsOf is what of a room's policy decides who may watch.
func termsOf(p room.Policy) room.Policy {
	return room.Policy{Access: p.Access, PublicWatch: p.PublicWatch, Salt: p.Salt}
}

// mayFollow tells whether somebody who was let in to watch on terms may go on. A token that lets nobody in any more sends nobody out: applications give
// viewers tokens that are good for coming in. As long as the terms are the same, nothing that was shown is looked at again: that costs more than the event.
func (a *API) mayFollow(r *http.Request, claims auth.Claims, terms room.Policy) error {
	policy, _, err := a.house.Policies().Find(r.PathValue("room"))
	if err == nil && termsOf(policy) == terms {
		claims.Tenure = "" // is in the salt
		return a.house.Holds(claims)
	}
	if !claims.Expires.IsZero() && time.Now().After(claims.Expires) {
		return a.house.Holds(claims)
	}
	_, err = a.admit(r, studio.ToWatch)
	return err
}

// liveEvents tells a client, as server-sent events, how a room is doing: at once, on every change, and regularly, for as long as the client may watch.
func (a *API) liveEvents(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	policy, _, err := a.house.Policies().Find(name) // before: what changes meanwhile is looked at again
	if err != nil {
		refusal.Write(w, err)
		return
	}
	terms := termsOf(policy)
	claims, err := a.admit(r, studio.ToWatch)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	if a.streams.Add(1) > maxEventStreams {
		a.streams.Add(-1)
		refusal.Write(w, errManyStreams)
		return
	}
	defer a.streams.Add(-1)
	who := limit.Network(r.RemoteAddr)
	defer a.followers.Leave(who)
	if !a.followers.Enter(who) && !limit.Local(who) {
		refusal.Write(w, refusal.TooOften)
		return
	}
	stream := sse.Open(w)
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	if _, err := a.liveStatus(name); err != nil {
		a.house.Want(name) // once: who only follows what becomes of a room does not keep its source coming back
	}
	last, silent := "", 0
	for {
		var changed <-chan struct{}
		if s, err := a.house.Studio(name); err == nil {
			changed = s.Changed()
		}
		st, err := a.liveStatus(name)
		if err != nil {
			st = a.offAir(name)
		}
		data, err := json.Marshal(st)
		if err != nil {
			a.log.Error("encoding a live status", "room", name, "error", err)
			return
		}
		silent++
		if now := string(data); now != last || silent >= 8 {
			last, silent = now, 0
			if a.mayFollow(r, claims, terms) != nil {
				return // whoever asks again is told why
			}
			if err := stream.Tell("status", data); err != nil {
				return // the client is gone
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-a.stopping:
			return
		case <-changed:
			// Several changes within a moment are told together.
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		case <-tick.C:
		}
	}
}
