package room

import "time"

// Access says who may come into a room.
type Access string

const (
	// AccessOpen lets everybody in; AccessLink those with a host or guest link (or a token); AccessToken those with a
	// token that the application made.
	AccessOpen  Access = "open"
	AccessLink  Access = "link"
	AccessToken Access = "token"
)

// Policy is what is kept of a room while nobody is in it.
type Policy struct {
	Title  string `json:"title"`
	Access Access `json:"access"`
	// PublicWatch lets everybody watch while the room is live; otherwise watching needs a key or token too.
	PublicWatch bool `json:"publicWatch"`
	// Scene names what kind of room it is; "" is the default one.
	Scene string `json:"scene,omitempty"`
	// Salt goes into the room's link keys: a new salt makes all old links invalid.
	Salt      string    `json:"salt,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// UsedAt is when somebody last came in or watched, to about a day; zero when nobody noted it yet.
	UsedAt time.Time `json:"usedAt,omitzero"`
}

// DefaultPolicy holds for rooms that nobody created on purpose.
func DefaultPolicy() Policy { return Policy{Access: AccessLink, PublicWatch: true} }

// Valid tells whether the access is one of those that exist.
func (a Access) Valid() bool { return a == AccessOpen || a == AccessLink || a == AccessToken }
