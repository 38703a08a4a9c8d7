// Package poller tells when connections have something to read, all from one goroutine, so that a connection on which nothing is said
// costs neither a goroutine nor a stack. It knows plain TCP connections on Linux; whoever uses it reads other connections, and those on
// other systems, with a goroutine each. It also writes to them without waiting.
package poller

// Reader is who reads from a connection.
type Reader interface {
	// Readable comes when there is something to read, or the other side has gone. It is called on the poller's goroutine and must
	// not block.
	Readable()
}
