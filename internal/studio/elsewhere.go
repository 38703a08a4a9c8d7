package studio

// Elsewhere is a door that holds people of a room who need not be participants in its studio, because their media goes
// past the server.
type Elsewhere interface {
	// Remove sends somebody away, and tells whether they were there. It is called without locks held.
	Remove(roomName, identity string) bool
	// End sends everybody away, because the room was deleted. It is called without locks held.
	End(roomName string)
}

// AlsoAt makes a door known. It is called before anybody comes in.
func (h *House) AlsoAt(door Elsewhere) { h.elsewhere = append(h.elsewhere, door) }

// Remove sends somebody away, wherever in the room they are: ErrNoRoom or room.ErrNoParticipant when they are nowhere.
func (h *House) Remove(roomName, identity string) error {
	found := false
	for _, door := range h.elsewhere {
		found = door.Remove(roomName, identity) || found
	}
	s, err := h.Studio(roomName)
	if err == nil {
		err = s.Remove(identity)
	}
	if found {
		return nil
	}
	return err
}
