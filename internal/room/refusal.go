package room

import "github.com/tuttilive/tutti/internal/room/refuse"

// Refusal is why something in a room was not done. The packages below this one have it from where it is made.
type Refusal = refuse.Refusal
