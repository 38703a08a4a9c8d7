package api

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// What an audience gives without a verb of its own.
var (
	likeVerb = map[string]string{"": "like"}
	voteVerb = map[string]string{"": "vote"}
)

// maxPage bounds a page of people.
const maxPage = 1000

// ask does what the application asks for in the audience's vocabulary, in its own name or in that of somebody.
func (a *API) ask(w http.ResponseWriter, r *http.Request, from talk.Person, req talk.Request) (talk.Reply, bool) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return talk.Reply{}, false
	}
	answered := make(chan talk.Reply, 1)
	s.Do(studio.Actor{Identity: from.Identity, Name: from.Name, App: true}, req, func(reply talk.Reply) { answered <- reply })
	reply := <-answered
	if reply.Err != nil {
		refusal.Write(w, reply.Err)
		return reply, false
	}
	return reply, true
}

// inside is a running room for those who may watch it and before whom its door is not closed.
func (a *API) inside(r *http.Request) (*studio.Studio, auth.Claims, error) {
	claims, err := a.admit(r, studio.ToWatch)
	if err != nil {
		return nil, claims, err
	}
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		return nil, claims, err
	}
	return s, claims, s.Inside(claims)
}

// watched lets a handler through for those who are inside.
func (a *API) watched(next func(w http.ResponseWriter, r *http.Request, s *studio.Studio)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, _, err := a.inside(r)
		if err != nil {
			refusal.Write(w, err)
			return
		}
		next(w, r, s)
	}
}

// number is a query parameter between 1 and most, most where it is not given.
func number(r *http.Request, name string, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 1 || n > most {
		return most
	}
	return n
}

func (a *API) getChat(w http.ResponseWriter, r *http.Request, s *studio.Studio) {
	answer(w, http.StatusOK, map[string]any{"messages": s.Messages(number(r, "limit", chat.MaxHistory))})
}

// postChat writes in the chat, without limits: as the room, or as somebody.
func (a *API) postChat(w http.ResponseWriter, r *http.Request) {
	var req struct {
		From    talk.Person `json:"from"`
		Text    string      `json:"text"`
		Danmaku bool        `json:"danmaku"`
		Color   string      `json:"color"`
		Nonce   string      `json:"nonce"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	reply, ok := a.ask(w, r, req.From, talk.Request{Type: "chat", Text: req.Text, Danmaku: req.Danmaku, Color: req.Color, Nonce: req.Nonce})
	if ok {
		answer(w, http.StatusCreated, map[string]string{"id": reply.Message})
	}
}

// done does something for which there is nothing to say afterwards.
func (a *API) done(w http.ResponseWriter, r *http.Request, req talk.Request) {
	if _, ok := a.ask(w, r, talk.Person{}, req); ok {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (a *API) deleteChat(w http.ResponseWriter, r *http.Request) {
	a.done(w, r, talk.Request{Type: "deleteMessage", Message: r.PathValue("id")})
}

func (a *API) setSlow(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Seconds int `json:"seconds"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	a.done(w, r, talk.Request{Type: "setSlow", Seconds: req.Seconds})
}

func (a *API) announce(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text string `json:"text"`
		By   string `json:"by"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	if _, ok := a.ask(w, r, talk.Person{Name: req.By}, talk.Request{Type: "announce", Text: req.Text}); ok {
		w.WriteHeader(http.StatusNoContent)
	}
}

func (a *API) getPolls(w http.ResponseWriter, _ *http.Request, s *studio.Studio) {
	answer(w, http.StatusOK, map[string]any{"polls": s.Polls()})
}

func (a *API) openPoll(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Question string   `json:"question"`
		Options  []string `json:"options"`
		Multiple bool     `json:"multiple"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	reply, ok := a.ask(w, r, talk.Person{}, talk.Request{Type: "openPoll", Question: req.Question, Options: req.Options, Multiple: req.Multiple})
	if ok {
		answer(w, http.StatusCreated, map[string]string{"id": reply.Poll})
	}
}

func (a *API) closePoll(w http.ResponseWriter, r *http.Request) {
	a.done(w, r, talk.Request{Type: "closePoll", Poll: r.PathValue("id")})
}

// give counts a gift that the application vouches for.
func (a *API) give(w http.ResponseWriter, r *http.Request) {
	var req struct {
		From  *talk.Person `json:"from"`
		Gift  string       `json:"gift"`
		Count int          `json:"count"`
		Value int          `json:"value"`
		To    string       `json:"to"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	a.inStudio(w, r, func(s *studio.Studio) error {
		return s.Give(req.From, applause.Gift{Name: req.Gift, Count: max(req.Count, 1), Value: req.Value, To: req.To})
	})
}

func (a *API) meta(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Data json.RawMessage `json:"data"`
		At   string          `json:"at"`
	}
	if err := read(w, r, &req); err != nil {
		refusal.Write(w, err)
		return
	}
	a.done(w, r, talk.Request{Type: "meta", Data: req.Data, At: req.At})
}

// getAudience tells how many there are, and page by page who watches.
func (a *API) getAudience(w http.ResponseWriter, r *http.Request) {
	s, err := a.house.Studio(r.PathValue("room"))
	if err != nil {
		refusal.Write(w, err)
		return
	}
	most := number(r, "limit", maxPage)
	people, all := s.Audience(r.URL.Query().Get("after"), most)
	out := struct {
		Viewers int           `json:"viewers"`
		People  int           `json:"people"`
		Likes   int           `json:"likes"`
		Who     []talk.Person `json:"audience"`
		Next    string        `json:"next,omitempty"`
	}{all.Viewers, all.People, s.Likes(), people, ""}
	if out.Who == nil {
		out.Who = []talk.Person{}
	}
	if len(people) == most {
		out.Next = people[most-1].Identity
	}
	answer(w, http.StatusOK, out)
}
