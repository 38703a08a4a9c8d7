// Package api is the HTTP side for people and applications: the page, the REST interface, health and metrics. It also
// stands guard before the doors that speak HTTP: it checks hosts and origins and limits what one address may do.
package api

import (
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/api/metrics"
	"github.com/tuttilive/tutti/internal/api/openapi"
	"github.com/tuttilive/tutti/internal/api/roomservice"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/pull"
	"github.com/tuttilive/tutti/internal/push"
	"github.com/tuttilive/tutti/internal/record"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// Options are what the HTTP side needs.
type Options struct {
	House *studio.House
	Info  Info
	// Page is the page's build.
	Page fs.FS
	// RootPEM is the local root certificate, nil when the operator has an own one.
	RootPEM []byte
	// Doors are the handlers of doors that speak HTTP, by pattern (net/http.ServeMux).
	Doors map[string]http.Handler
	// Hosts are names under which the server may be reached beside localhost, addresses and its own name.
	Hosts []string
	// Origins are web origins, beside the server's own, that may act without a credential.
	Origins []string
	// AnyoneCreates lets people without a key create rooms.
	AnyoneCreates bool
	TrustProxy    bool
	// Fronts are where programs are played, PlayOrigins the sites whose pages may play from here, empty for all.
	Fronts      PlayFronts
	PlayOrigins []string
	// FollowersPerAddress is how many streams of events one address (IPv6: a /64) has, 0 for any number; those of this machine are not bounded.
	FollowersPerAddress int
	// Metrics are where figures for operators come from; what the API knows by itself is added.
	Metrics metrics.Sources
	// Webhooks is nil where nobody is told anything.
	Webhooks Webhooks
	// Recorder is nil where nothing is recorded.
	Recorder *record.Recorder
	// Pusher is nil where shows are sent nowhere; OperatorsPush leaves where they are sent to operators.
	Pusher        *push.Pusher
	OperatorsPush bool
	// Puller is nil where nothing is fetched; OperatorsPull leaves what is fetched to operators.
	Puller        *pull.Puller
	OperatorsPull bool
	Log           *slog.Logger
}

// API serves HTTP. It is made once and safe for use by several goroutines.
type API struct {
	house         *studio.House
	info          Info
	rootPEM       []byte
	anyoneCreates bool
	started       time.Time
	log           *slog.Logger
	fronts        PlayFronts
	webhooks      Webhooks
	recorder      *record.Recorder
	pusher        *push.Pusher
	operatorsPush bool
	puller        *pull.Puller
	operatorsPull bool
	description   *openapi.Document
	rates         limit.Rates
	streams       atomic.Int64 // of events, open now
	followers     limit.Places // the same by address
	rate          meter
	requests      requests
	stopping      chan struct{}
	guard         *guard
	handler       http.Handler
}

// New makes the HTTP side.
func New(o Options) *API {
	a := &API{
		house: o.House, info: o.Info, rootPEM: o.RootPEM, anyoneCreates: o.AnyoneCreates, started: time.Now(),
		log: o.Log, followers: limit.Places{Most: o.FollowersPerAddress}, fronts: o.Fronts, webhooks: o.Webhooks, recorder: o.Recorder, pusher: o.Pusher, operatorsPush: o.OperatorsPush, puller: o.Puller, operatorsPull: o.OperatorsPull, stopping: make(chan struct{}),
	}
	if a.fronts.TTL == 0 {
		a.fronts.TTL = 12 * time.Hour
	}
	mux := &routes{ServeMux: http.NewServeMux()}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.Handle("GET /metrics", a.listing(metrics.Handler(a.sources(o.Metrics))))
	mux.HandleFunc("GET /root.crt", a.rootCertificate)
	mux.HandleFunc("GET /api/info", a.getInfo)
	mux.Handle("GET /api/status", a.listing(http.HandlerFunc(a.getStatus)))
	mux.HandleFunc("POST /api/rooms", a.limited(perAddressCreate, a.createRoom))
	mux.HandleFunc("GET /api/rooms/{room}", a.getRoom)
	mux.HandleFunc("DELETE /api/rooms/{room}", a.deleteRoom)
	mux.HandleFunc("POST /api/rooms/{room}/join", a.limited(perAddressJoin, a.joinRoom))
	mux.HandleFunc("GET /api/rooms/{room}/keys", a.getKeys)
	mux.HandleFunc("GET /api/rooms/{room}/live", a.getLive)
	mux.HandleFunc("POST /api/rooms/{room}/live", a.run(a.goLive))
	mux.HandleFunc("PATCH /api/rooms/{room}/live", a.run(a.showTrack))
	mux.HandleFunc("DELETE /api/rooms/{room}/live", a.run(a.endLive))
	mux.HandleFunc("GET /api/rooms/{room}/snapshot.jpg", a.limited(perAddressShots, a.getSnapshot))
	mux.HandleFunc("GET /api/rooms/{room}/program", a.run(a.getProgram))
	mux.HandleFunc("PATCH /api/rooms/{room}/program", a.run(a.changeProgram))
	mux.HandleFunc("PUT /api/rooms/{room}/program/images/{image}", a.limited(perAddressImages, a.run(a.setProgramImage)))
	mux.HandleFunc("DELETE /api/rooms/{room}/program/images/{image}", a.run(a.setProgramImage))
	mux.HandleFunc("GET /api/rooms/{room}/events", a.limited(perAddressEvents, a.liveEvents))
	mux.HandleFunc("GET /api/rooms/{room}/participants", a.directed(a.getParticipants))
	mux.HandleFunc("GET /api/rooms/{room}/participants/{identity}", a.directed(a.getParticipant))
	mux.HandleFunc("POST /api/rooms/{room}/participants/{identity}/mute", a.directed(a.muteTrack))
	mux.HandleFunc("DELETE /api/rooms/{room}/participants/{identity}", a.directed(a.removeParticipant))
	mux.HandleFunc("GET /api/rooms/{room}/stage", a.getStage)
	mux.HandleFunc("POST /api/rooms/{room}/stage/{verb}", a.actOnStage)
	mux.HandleFunc("GET /api/rooms/{room}/pk", a.getPK)
	mux.HandleFunc("POST /api/rooms/{room}/pk", a.directed(a.invitePK))
	mux.HandleFunc("POST /api/rooms/{room}/pk/accept", a.directed(a.acceptPK))
	mux.HandleFunc("POST /api/rooms/{room}/pk/score", a.directed(a.scorePK))
	mux.HandleFunc("DELETE /api/rooms/{room}/pk", a.directed(a.endPK))
	mux.HandleFunc("GET /api/rooms/{room}/groups", a.watched(a.getGroups))
	mux.HandleFunc("POST /api/rooms/{room}/groups/{verb}", a.actOnGroups)
	mux.HandleFunc("GET /api/rooms/{room}/songs", a.watched(a.getSongs))
	mux.HandleFunc("POST /api/rooms/{room}/songs/{verb}", a.actOnSongs)
	mux.HandleFunc("GET /api/rooms/{room}/board", a.watched(a.getBoard))
	mux.HandleFunc("POST /api/rooms/{room}/board/{verb}", a.acts(boardVerbs))
	mux.HandleFunc("GET /api/rooms/{room}/rollcall", a.run(a.getRollCall))
	mux.HandleFunc("POST /api/rooms/{room}/rollcall/{verb}", a.acts(rollVerbs))
	mux.HandleFunc("GET /api/rooms/{room}/attendance", a.run(a.getAttendance))
	mux.HandleFunc("GET /api/scenes", a.getScenes)
	mux.HandleFunc("GET /api/webhooks/deliveries", a.operated(a.getDeliveries))
	mux.HandleFunc("POST /api/webhooks/deliveries/{id}/replay", a.operated(a.replayDelivery))
	mux.HandleFunc("GET /api/scenes/{name}", a.getScene)
	mux.HandleFunc("GET /api/rooms/{room}/chat", a.watched(a.getChat))
	mux.HandleFunc("POST /api/rooms/{room}/chat", a.directed(a.postChat))
	mux.HandleFunc("DELETE /api/rooms/{room}/chat/{id}", a.directed(a.deleteChat))
	mux.HandleFunc("POST /api/rooms/{room}/slow", a.directed(a.setSlow))
	mux.HandleFunc("POST /api/rooms/{room}/announcement", a.directed(a.announce))
	mux.HandleFunc("GET /api/rooms/{room}/polls", a.watched(a.getPolls))
	mux.HandleFunc("POST /api/rooms/{room}/polls", a.directed(a.openPoll))
	mux.HandleFunc("DELETE /api/rooms/{room}/polls/{id}", a.directed(a.closePoll))
	mux.HandleFunc("POST /api/rooms/{room}/votes", a.acts(voteVerb))
	mux.HandleFunc("POST /api/rooms/{room}/likes", a.acts(likeVerb))
	mux.HandleFunc("POST /api/rooms/{room}/gifts", a.directed(a.give))
	mux.HandleFunc("POST /api/rooms/{room}/meta", a.directed(a.meta))
	mux.HandleFunc("GET /api/rooms/{room}/audience", a.directed(a.getAudience))
	mux.HandleFunc("GET /api/rooms/{room}/plays", a.directed(a.getPlays))
	mux.HandleFunc("GET /api/recordings", a.operated(a.getAllRecordings))
	mux.HandleFunc("GET /api/rooms/{room}/recordings", a.getRecordings)
	mux.HandleFunc("POST /api/rooms/{room}/recordings", a.mayRecord(a.startRecording))
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}", a.getRecording)
	mux.HandleFunc("PATCH /api/rooms/{room}/recordings/{id}", a.changeRecording)
	mux.HandleFunc("DELETE /api/rooms/{room}/recordings/{id}", a.deleteRecording)
	mux.HandleFunc("POST /api/rooms/{room}/recordings/{id}/stop", a.stopRecording)
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}/files/{file}", a.getRecordedFile)
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}/files/{file}/headers/{n}", a.getRecordedHeader)
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}/index.m3u8", a.getRecordedPlaylist)
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}/picture.jpg", a.getRecordedPicture(false))
	mux.HandleFunc("GET /api/rooms/{room}/recordings/{id}/strip.jpg", a.getRecordedPicture(true))
	mux.HandleFunc("GET /api/rooms/{room}/ingest", a.directed(a.getIntake))
	mux.HandleFunc("PATCH /api/rooms/{room}/ingest", a.directed(a.changeIntake))
	mux.HandleFunc("GET /api/rooms/{room}/ingest/slate", a.directed(a.getSlate))
	mux.HandleFunc("PUT /api/rooms/{room}/ingest/slate", a.limited(perAddressImages, a.directed(a.setSlate)))
	mux.HandleFunc("DELETE /api/rooms/{room}/ingest/slate", a.directed(a.setSlate))
	mux.HandleFunc("POST /api/rooms/{room}/ingest/keys", a.directed(a.addStreamKey))
	mux.HandleFunc("PATCH /api/rooms/{room}/ingest/keys/{id}", a.directed(a.changeStreamKey))
	mux.HandleFunc("POST /api/rooms/{room}/ingest/keys/{id}/rotate", a.directed(a.rotateStreamKey))
	mux.HandleFunc("DELETE /api/rooms/{room}/ingest/keys/{id}", a.directed(a.revokeStreamKey))
	mux.HandleFunc("GET /api/rooms/{room}/pull", a.mayPull(a.getSources))
	mux.HandleFunc("POST /api/rooms/{room}/pull", a.mayPull(a.addSource))
	mux.HandleFunc("PATCH /api/rooms/{room}/pull/{id}", a.mayPull(a.changeSource))
	mux.HandleFunc("DELETE /api/rooms/{room}/pull/{id}", a.mayPull(a.removeSource))
	mux.HandleFunc("GET /api/rooms/{room}/push", a.mayPush(a.getTargets))
	mux.HandleFunc("POST /api/rooms/{room}/push", a.mayPush(a.addTarget))
	mux.HandleFunc("PATCH /api/rooms/{room}/push/{id}", a.mayPush(a.changeTarget))
	mux.HandleFunc("DELETE /api/rooms/{room}/push/{id}", a.mayPush(a.removeTarget))
	mux.HandleFunc("GET /api/rooms/{room}/recording", a.mayRecord(a.getRecordSettings))
	mux.HandleFunc("PUT /api/rooms/{room}/recording", a.mayRecord(a.setRecordSettings))
	a.describe(mux)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { refusal.Write(w, refusal.NotFound) })
	mux.Handle("/twirp/", roomservice.New(roomservice.Options{House: o.House, Operator: a.isOperator, Log: o.Log}))
	for pattern, door := range o.Doors {
		mux.Handle(pattern, door)
	}
	mux.Handle("/", newPage(o.Page))
	players := o.PlayOrigins
	if len(players) > 0 {
		players = slices.Concat(players, o.Info.Addresses) // where our own page is opened
	}
	a.guard = newGuard(o.House.Keys().Key, o.Hosts, o.Origins, players, o.Fronts.origins(), o.Info.Page, o.TrustProxy)
	a.handler = a.guard.wrap(mux)
	return a
}

// ServeHTTP serves page, API and doors.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests.count(r.URL.Path)
	a.handler.ServeHTTP(w, r)
}

// sources adds what the API knows by itself to where metrics come from.
func (a *API) sources(s metrics.Sources) metrics.Sources {
	s.Version, s.House, s.Requests, s.Refusals = a.info.Version, a.house, a.requests.read, refusal.Counts
	return s
}

// Stop ends the streams of events, so that the HTTP server can shut down.
func (a *API) Stop() { close(a.stopping) }

func (a *API) rootCertificate(w http.ResponseWriter, _ *http.Request) {
	if a.rootPEM == nil {
		refusal.Write(w, refusal.NotFound)
		return
	}
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="tutti-root.crt"`)
	w.Write(a.rootPEM)
}
