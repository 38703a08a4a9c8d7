package stage

import "slices"

// State says who may sit down on a seat.
type State string

const (
	Open     State = "open"
	Locked   State = "locked"
	Reserved State = "reserved"
)

// Snapshot is a stage as it was at one moment. It does not change and may be shared.
type Snapshot struct {
	Seats []Seat `json:"seats"`
	// Host is nil while there is none.
	Host    *Who     `json:"host"`
	Cohosts []Person `json:"cohosts"`
	// QueueLength is how many hands are raised, WaitingLength how many wait before the door.
	QueueLength   int  `json:"queueLength"`
	WaitingLength int  `json:"waitingLength,omitempty"`
	Locked        bool `json:"locked,omitempty"`
	WaitingRoom   bool `json:"waitingRoom,omitempty"`
	// The rest is for hosts and cohosts; see Public.
	Queue       []Request    `json:"queue,omitempty"`
	Invitations []Invitation `json:"invitations,omitempty"`
	Waiting     []Waiting    `json:"waiting,omitempty"`
	Silenced    []Sanction   `json:"silenced,omitempty"`
	Banned      []Sanction   `json:"banned,omitempty"`
}

// Seat is one of the seats.
type Seat struct {
	// N counts from 1.
	N     int   `json:"n"`
	State State `json:"state"`
	// For is the identity that a reserved seat is kept for.
	For string `json:"for,omitempty"`
	Who *Who   `json:"who,omitempty"`
}

// Who is somebody on the stage.
type Who struct {
	Person
	Role Role `json:"role"`
	// Connected is false for those who are cut off and may come back, or who are on their way up.
	Connected bool `json:"connected"`
	// Muted tells that a host took the microphone away.
	Muted      bool `json:"muted"`
	Camera     bool `json:"camera"`
	Microphone bool `json:"microphone"`
}

// Public is a snapshot without what is for hosts only.
func (s Snapshot) Public() Snapshot {
	s.Queue, s.Invitations, s.Waiting, s.Silenced, s.Banned = nil, nil, nil, nil, nil
	return s
}

// Seated are those who sit, in the order of their seats.
func (s Snapshot) Seated() []Who {
	var all []Who
	for _, seat := range s.Seats {
		if seat.Who != nil {
			all = append(all, *seat.Who)
		}
	}
	return all
}

// Snapshot is the stage as it is, with all that hosts may know.
func (s *Stage) Snapshot() Snapshot {
	snap := Snapshot{
		Seats: make([]Seat, len(s.seats)), Cohosts: make([]Person, 0, len(s.cohosts)),
		QueueLength: len(s.queue), WaitingLength: len(s.gates.waiting), Locked: s.gates.locked, WaitingRoom: s.gates.waitingRoom,
		Waiting: slices.Clone(s.gates.waiting), Silenced: slices.Clone(s.silenced), Banned: slices.Clone(s.banned),
	}
	for i, seat := range s.seats {
		snap.Seats[i] = Seat{N: i + 1, State: Open, For: seat.reserved, Who: s.who(seat.who)}
		switch {
		case seat.locked:
			snap.Seats[i].State = Locked
		case seat.reserved != "":
			snap.Seats[i].State = Reserved
		}
	}
	snap.Host = s.who(s.host)
	for _, c := range s.cohosts {
		snap.Cohosts = append(snap.Cohosts, s.people[c].Person)
	}
	for _, r := range s.queue {
		snap.Queue = append(snap.Queue, r.Request)
	}
	for _, i := range s.invited {
		snap.Invitations = append(snap.Invitations, i.Invitation)
	}
	return snap
}

func (s *Stage) who(identity string) *Who {
	p := s.people[identity]
	if p == nil {
		return nil
	}
	connected := p.Participant
	if identity == s.host {
		connected = p.here
	}
	return &Who{p.Person, s.RoleOf(identity), connected, p.muted, p.camera, p.microphone}
}
