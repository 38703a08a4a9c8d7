// Showrunner is an example of an application's back end that runs a show over Tutti's API: it creates the room, lets up whoever
// raises a hand, first come first served, and gives each some time on the stage. It hears of all that by webhooks and keeps
// nothing.
//
//	tutti serve --dev --webhook http://127.0.0.1:9000/tutti
//	go run ./examples/showrunner --listen 127.0.0.1:9000
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/webhook"
)

func main() {
	r := &runner{turns: map[string]*time.Timer{}}
	flag.StringVar(&r.server, "server", "http://127.0.0.1:8080", "where Tutti's API is")
	flag.StringVar(&r.key, "key", "devkey", "API key")
	flag.StringVar(&r.secret, "secret", "secret", "API secret")
	flag.StringVar(&r.room, "room", "open-stage", "the room of the show")
	flag.DurationVar(&r.turn, "turn", time.Minute, "how long everybody is on the stage")
	listen := flag.String("listen", "127.0.0.1:9000", "where webhooks come in, at /tutti")
	flag.Parse()
	if err := r.open(); err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /tutti", r)
	log.Fatal(http.ListenAndServe(*listen, nil))
}

// runner runs one show.
type runner struct {
	server, key, secret, room string
	turn                      time.Duration

	mu    sync.Mutex
	turns map[string]*time.Timer // of those on the stage, by identity
}

// open creates the room, unless it is there already, and says where the host goes live.
func (r *runner) open() error {
	err := r.call("POST", "/api/rooms", map[string]any{"name": r.room, "scene": "show", "title": "Open stage"}, nil)
	if refused, ok := err.(*refusal); ok && refused.Code == "exists" {
		err = nil
	}
	if err != nil {
		return err
	}
	var keys struct{ Host, Guest string }
	if err := r.call("GET", r.path("/keys"), nil, &keys); err != nil {
		return err
	}
	log.Printf("the host's key is %s, that of guests %s", keys.Host, keys.Guest)
	return nil
}

// event is what is used here of a webhook's body.
type event struct {
	Event string
	ID    string
	Room  struct{ Name string }
	Stage struct {
		Person struct{ Identity, Name string }
		Seat   int
		Reason string
	}
	PK struct{ Result string }
}

// ServeHTTP takes a webhook. Its answer comes first: what follows from it is done later.
func (r *runner) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := webhook.Receive(req, auth.NewSimpleKeyProvider(r.key, r.secret)) // checks the signature
	if err != nil {
		http.Error(w, "not signed by Tutti", http.StatusUnauthorized)
		return
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	if e.Room.Name == r.room {
		go r.follow(e)
	}
}

// follow does what an event asks for. Events may come twice: nothing here minds.
func (r *runner) follow(e event) {
	who := e.Stage.Person
	switch e.Event {
	case "room_live_started":
		log.Print("the show is on the air")
	case "room_live_ended":
		log.Print("the show is over")
	case "hand_raised":
		r.letUp(who.Identity)
	case "seat_taken":
		log.Printf("%s is on seat %d", who.Name, e.Stage.Seat)
		r.startTurn(who.Identity)
	case "seat_left":
		log.Printf("%s has left the stage: %s", who.Name, e.Stage.Reason)
		r.endTurn(who.Identity)
		r.letUpNext()
	case "pk_ended":
		log.Printf("the contest is %s", e.PK.Result)
	}
}

// letUp gives somebody a seat. Where none is free they wait with their hand raised.
func (r *runner) letUp(identity string) {
	if err := r.act("admit", identity); err != nil {
		log.Printf("%s waits: %v", identity, err)
	}
}

// letUpNext gives the seat that is free to who has waited longest.
func (r *runner) letUpNext() {
	var stage struct{ Queue []struct{ Identity string } }
	if err := r.call("GET", r.path("/stage"), nil, &stage); err != nil {
		log.Print(err)
	} else if len(stage.Queue) > 0 {
		r.letUp(stage.Queue[0].Identity)
	}
}

// startTurn sends somebody down when their time is over.
func (r *runner) startTurn(identity string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turns[identity] == nil {
		r.turns[identity] = time.AfterFunc(r.turn, func() {
			if err := r.act("remove", identity); err != nil {
				log.Printf("%s stays: %v", identity, err)
			}
		})
	}
}

func (r *runner) endTurn(identity string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.turns[identity]; t != nil {
		t.Stop()
		delete(r.turns, identity)
	}
}

func (r *runner) act(verb, identity string) error {
	return r.call("POST", r.path("/stage/"+verb), map[string]any{"identity": identity}, nil)
}

func (r *runner) path(rest string) string { return "/api/rooms/" + url.PathEscape(r.room) + rest }

// refusal is why Tutti does not do something; its code is stable.
type refusal struct{ Code, Message string }

func (r *refusal) Error() string { return fmt.Sprintf("%s (%s)", r.Message, r.Code) }

// call asks Tutti's API for something, as its operator.
func (r *runner) call(method, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, r.server+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.SetBasicAuth(r.key, r.secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		var no struct{ Error refusal }
		if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&no); err != nil {
			return fmt.Errorf("%s %s: %s", method, path, res.Status)
		}
		return &no.Error
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
