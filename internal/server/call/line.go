package call

import (
	"crypto/subtle"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
)

const (
	// lookEvery is how often a line looks at the room of its name, and at its sessions' clocks.
	lookEvery = time.Second
	ackEvery  = 5 * time.Second
	pingEvery = 10 * time.Second
)

// line is one running call: it owns the call's state and the sessions of those in it, and gives each what it shall hear.
// The server opens it for the first who comes; it closes itself after the last has gone. Its methods may be called from
// any goroutine.
type line struct {
	server *Server
	room   string
	title  string
	log    *slog.Logger

	mu     sync.Mutex
	call   *call
	seats  map[handle]*seat
	last   handle
	timer  *time.Timer
	lookAt time.Time
	closed bool
}

// seat is one session on a line, with the connection that it has at the moment.
type seat struct {
	handle  handle
	pass    string
	session session
	socket  *socket // nil while the client is away
	who     caller

	acked, pinged time.Time
	iceRefresh    time.Time // zero for visitors, and where credentials do not expire
}

// caller is what the door knows of somebody who was admitted.
type caller struct {
	claims auth.Claims
	// url is where their client reaches rooms, host the name or address by which it called us.
	url, host string
}

// called is the name that somebody gives themselves, "" where they may not.
func (who caller) called(name string) string {
	if studio.MayRename(who.claims) {
		return name
	}
	return ""
}

func newLine(s *Server, room, title string) *line {
	l := &line{server: s, room: room, title: title, log: s.log.With("room", room), seats: map[handle]*seat{}}
	l.call = newCall(rules{settle: s.settle, grace: s.grace, ticket: l.ticket})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lookAt = time.Now().Add(lookEvery)
	l.timer = time.AfterFunc(lookEvery, l.tick)
	return l
}

// enter lets somebody in as a member or as a visitor. It gives no seat and no refusal when the line has closed meanwhile.
func (l *line) enter(s *socket, who caller, around surroundings, asMember, rooms bool) (*seat, *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, nil
	}
	if refused := l.mayEnter(who); refused != nil {
		l.closeIfEmpty()
		return nil, refused
	}
	now := time.Now()
	l.last++
	st := &seat{handle: l.last, pass: l.server.passes.issue(l.room), socket: s, who: who, acked: now, pinged: now}
	l.seats[st.handle] = st // before the state knows it: a path for it needs its claims
	p := person{handle: st.handle, id: who.claims.Identity, name: who.claims.Name, role: studio.RoleName(who.claims.Video), rooms: rooms}
	l.call.around = around
	come, greeting := l.call.visit, "visiting"
	if asMember {
		come, greeting = l.call.join, "joined"
	}
	if refused := come(now, p); refused != nil {
		delete(l.seats, st.handle)
		l.closeIfEmpty()
		return nil, refused
	}
	l.welcome(st, greeting)
	l.deliver(now)
	l.log.Info("somebody came to a call", "participant", p.id, "as", greeting)
	return st, nil
}

// mayEnter asks at the door of the room of the same name, which holds for the call as well. Whoever is sent away from the room after that is
// removed from here, which waits for the line's lock: nobody slips in between.
func (l *line) mayEnter(who caller) *refusal {
	st, err := l.server.house.Studio(l.room)
	if err != nil {
		return nil // nobody is there
	}
	if err := st.MayEnter(room.Join{Identity: who.claims.Identity, Permission: studio.Permission(who.claims.Video)}); err != nil {
		return refusalOf(err, l.log)
	}
	return nil
}

// welcome tells somebody who came in how things are.
func (l *line) welcome(st *seat, greeting string) {
	l.write(st, encode(&welcomeMessage{head{Type: greeting}, st.pass, l.server.grace.Seconds(), l.standing(st)}))
}

// standing is how things are for somebody.
func (l *line) standing(st *seat) standing {
	is := standing{Room: l.room, Title: l.title, Members: l.call.memberInfos()}
	if v := l.call.visitor(st.handle); v != nil {
		is.You, is.Name, is.Role = v.id, v.name, v.role
	}
	if m := l.call.member(st.handle); m != nil {
		is.You, is.Name, is.Role = m.id, m.name, m.role
		is.membership = &membership{l.ice(st), l.call.visitorInfos(), l.call.pathOf(m)}
	}
	return is
}

// resume puts a new connection in the place of one that broke. It gives no seat and no refusal when there is no such
// session.
func (l *line) resume(s *socket, pass string, seq uint64) (*seat, *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, st := range l.seats {
		if subtle.ConstantTimeCompare([]byte(st.pass), []byte(pass)) != 1 {
			continue
		}
		missed, refused := st.session.replay(seq)
		if refused != nil {
			return nil, refused
		}
		if st.socket != nil {
			st.socket.close(closeConflict, "resumed elsewhere")
		}
		now := time.Now()
		st.socket, st.acked, st.pinged = s, now, now
		st.session.confirmed = st.session.got
		l.write(st, encode(&resumedMessage{head{Type: "resumed"}, st.session.got, l.standing(st)}))
		for _, data := range missed {
			l.write(st, data)
		}
		l.call.resume(st.handle)
		l.deliver(now)
		l.server.resumes.Add(1)
		return st, nil
	}
	return nil, nil
}

// lose takes note that a connection broke.
func (l *line) lose(st *seat, s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seats[st.handle] != st || st.socket != s {
		return
	}
	st.socket = nil
	now := time.Now()
	l.call.drop(now, st.handle)
	l.deliver(now)
}

// handle does what a client asks for; wrong is why its message is none, but its number counts. The refusal is to be told to
// it.
func (l *line) handle(st *seat, s *socket, got received, wrong *refusal) *refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seats[st.handle] != st || st.socket != s {
		return nil // the session has ended, or goes on with another connection
	}
	now := time.Now()
	if got.seq > 0 {
		fresh, refused := st.session.receive(got.seq)
		if !fresh {
			return refused
		}
	}
	refused := wrong
	if wrong == nil {
		refused = l.do(now, st, got)
	}
	if st.socket != nil && st.session.owes() >= ackAfter {
		l.confirm(now, st)
	}
	l.deliver(now)
	return refused
}

func (l *line) do(now time.Time, st *seat, got received) *refusal {
	h := st.handle
	switch r := got.request.(type) {
	case *joinRequest, *visitRequest, *resumeRequest:
		return malformed("this comes first or not at all")
	case *ackRequest:
		return st.session.acknowledge(*r.Seq)
	case *stateRequest:
		return l.call.setState(h, r.state())
	case *ringRequest:
		return l.call.ring(now, h, r.To)
	case *acceptRequest:
		return l.accept(now, st, r)
	case *declineRequest:
		return l.decline(h, r)
	case *viaRoomRequest:
		return l.call.askRoom(now, h, r.Generation, r.Reason)
	case *arrivedRequest:
		return l.call.arrived(h, r.Generation)
	case *signalRequest:
		return l.call.signal(h, r)
	}
	switch got.kind {
	case "ping":
		l.write(st, encode(&plainMessage{head{Type: "pong"}}))
	case "leave":
		l.call.leave(now, h, goneLeft, nil)
	case "viaDirect":
		return l.call.askDirect(now, h)
	}
	return nil
}

func (l *line) decline(h handle, r *declineRequest) *refusal {
	said := l.server.house.Words()
	if said.Takes(r.Name) != nil || said.Fit(&r.Text) != nil {
		return errNotSaid
	}
	return l.call.decline(h, l.seats[h].who.called(r.Name), r.Text)
}

func (l *line) accept(now time.Time, st *seat, r *acceptRequest) *refusal {
	if l.server.house.Words().Takes(r.Name) != nil {
		return errNotSaid
	}
	name := st.who.called(r.Name)
	if name != "" {
		st.who.claims.Name = name
	}
	refused := l.mayEnter(st.who)
	if refused == nil {
		refused = l.call.accept(now, st.handle, name, *r.Room)
	}
	if refused != nil {
		if refused.close != 0 { // nobody stays who was refused
			l.call.leave(now, st.handle, goneLeft, refused)
		}
		return refused
	}
	l.welcome(st, "joined")
	return nil
}

// remove sends away who is in the call under an id, or waits to be, and tells whether there is anybody.
func (l *line) remove(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, sessions := time.Now(), l.call.sessionsOf(id)
	for _, h := range sessions {
		l.call.leave(now, h, goneRemoved, errRemoved)
	}
	l.deliver(now)
	return len(sessions) > 0
}

// tick does what is due, and looks at the room.
func (l *line) tick() {
	around := l.server.look(l.room) // takes the studio's lock
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	now := time.Now()
	l.lookAt = now.Add(lookEvery)
	l.call.observe(now, around)
	l.call.advance(now)
	for _, st := range l.seats {
		l.keepUp(now, st)
	}
	l.deliver(now)
}

// keepUp does what one session needs from time to time.
func (l *line) keepUp(now time.Time, st *seat) {
	if !st.iceRefresh.IsZero() && !now.Before(st.iceRefresh) {
		l.push(now, st, &iceMessage{head{Type: "ice"}, l.ice(st)})
	}
	if st.socket == nil {
		return
	}
	if st.session.owes() > 0 && now.Sub(st.acked) >= ackEvery {
		l.confirm(now, st)
	}
	if now.Sub(st.pinged) >= pingEvery {
		st.pinged = now
		l.write(st, encode(&plainMessage{head{Type: "ping"}}))
	}
}

func (l *line) confirm(now time.Time, st *seat) {
	st.acked = now
	l.write(st, encode(st.session.confirm()))
}

// deliver gives people what they shall hear, then waits for what is due next.
func (l *line) deliver(now time.Time) {
	for effects := l.call.take(); len(effects) > 0; effects = l.call.take() {
		for _, e := range effects {
			st := l.seats[e.to]
			switch {
			case st == nil:
			case e.message != nil:
				l.push(now, st, e.message)
			default:
				l.dismiss(st, e.why)
			}
		}
	}
	l.closeIfEmpty()
	if l.closed {
		return
	}
	next := l.lookAt
	if due := l.call.next(); !due.IsZero() && due.Before(next) {
		next = due
	}
	l.timer.Reset(max(next.Sub(now), 0))
}

// push numbers a message and sends it when the client is there. Who leaves too much unacknowledged is lost.
func (l *line) push(now time.Time, st *seat, m message) {
	data, ok := st.session.number(m)
	if !ok {
		l.log.Info("a call's session ended: its client acknowledges nothing", "participant", st.who.claims.Identity)
		l.call.leave(now, st.handle, goneLost, errSessionExpired)
		return
	}
	l.write(st, data)
}

func (l *line) write(st *seat, data []byte) {
	if st.socket != nil {
		st.socket.send(data)
	}
}

// dismiss ends a session.
func (l *line) dismiss(st *seat, why *refusal) {
	delete(l.seats, st.handle)
	if st.socket == nil {
		return
	}
	if why != nil {
		st.socket.refuse(why, received{})
		return
	}
	st.socket.close(websocket.StatusNormalClosure, "")
}

// closeIfEmpty ends the line after the last has gone.
func (l *line) closeIfEmpty() {
	if l.closed || !l.call.empty() {
		return
	}
	l.closed = true
	l.timer.Stop()
	l.server.forget(l) // nobody who holds the server's lock waits for ours
}

// shutdown ends all sessions with a refusal.
func (l *line) shutdown(why *refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.timer.Stop()
	for _, st := range l.seats {
		l.dismiss(st, why)
	}
	l.server.forget(l)
}

// ticket is what a member needs to join the room of the same name.
func (l *line) ticket(h handle) (url, token string) {
	who := l.seats[h].who
	claims := who.claims
	claims.Tenure = "" // if the name has changed hands, that was around this call: one ends with its room
	token, err := l.server.house.TicketToStay(claims)
	if err != nil {
		l.log.Error("making a token for a member of a call", "participant", who.claims.Identity, "error", err)
	}
	return who.url, token
}

// ice is what a member's client shall use now. Fresh credentials follow when half of their time is over, so that also a
// client that is away just then has good ones.
func (l *line) ice(st *seat) iceInfo {
	servers, expires := l.server.ice.Issue(l.room+"/"+st.who.claims.Identity, st.who.host)
	if !slices.ContainsFunc(servers, func(s turn.ICEServer) bool { return s.Credential != "" }) {
		return iceInfo{Servers: append([]turn.ICEServer{}, servers...)}
	}
	now := time.Now()
	st.iceRefresh = now.Add(expires.Sub(now) / 2)
	return iceInfo{servers, &expires}
}
