package whip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/sse"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// The draft of WHEP had two extensions, which the players that let people choose a picture's size speak: events that name the layers, and a request
// that chooses one (draft-murillo-whep-01, sections 4.4.1 and 4.4.2). Only rids are chosen here; what is left out within one is the server's affair.
const (
	layerPart  = "layer"
	eventsPart = "events"

	layerExtension  = "urn:ietf:params:whep:ext:core:layer"
	eventsExtension = "urn:ietf:params:whep:ext:core:server-sent-events"
	layersEvent     = "layers"

	jsonType = "application/json"
	// maxChoice bounds what a client says, in bytes.
	maxChoice = 4 << 10

	// maxListening is how many may follow the layers of one session.
	maxListening = 2

	// lookEvery is how often it is looked at whether the layers have changed, maxSilence how long nothing is said for at most, so that nobody between
	// the two takes the connection for dead.
	lookEvery  = time.Second
	maxSilence = 15 * time.Second
)

// link tells a viewer where layers are named and chosen.
func (x *session) link(h http.Header) {
	h.Add("Link", fmt.Sprintf(`<%s/%s>; rel="%s"`, x.location(), layerPart, layerExtension))
	h.Add("Link", fmt.Sprintf(`<%s/%s>; rel="%s"; events="%s"`, x.location(), eventsPart, eventsExtension, layersEvent))
}

// choice is what a client asks for of the picture; the zero value leaves it to the server.
type choice struct {
	MediaID         string `json:"mediaId"`
	EncodingID      string `json:"encodingId"`
	SpatialLayerID  *int   `json:"spatialLayerId"`
	TemporalLayerID *int   `json:"temporalLayerId"`
}

// chooseLayer has a viewer get another size of the picture.
func (s *Server) chooseLayer(w http.ResponseWriter, r *http.Request, p path) {
	x, ok := s.find(p)
	if !ok {
		refusal.Write(w, errNoSession)
		return
	}
	var c choice
	if err := readJSON(w, r, &c); err != nil {
		refusal.Write(w, err)
		return
	}
	if err := x.prefer(c); err != nil {
		refusal.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (x *session) prefer(c choice) error {
	switch {
	case c.SpatialLayerID != nil || c.TemporalLayerID != nil:
		return errWithinLayer
	case c.MediaID != "" && c.MediaID != strconv.Itoa(x.pictureLine):
		return errNoPicture
	case c.EncodingID == "":
		x.watcher.Prefer(media.Size{})
		return nil
	}
	layers := x.watcher.Layers()
	i := slices.IndexFunc(layers, func(l studio.Layer) bool { return l.ID == c.EncodingID })
	if i < 0 || layers[i].Width == 0 && len(layers) > 1 {
		return errNoLayer
	}
	x.watcher.Prefer(media.Size{Width: layers[i].Width, Height: layers[i].Height})
	return nil
}

// subscribe makes a stream of events, as the draft has it. There is one for a session, whoever asks for it: the events are the same.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request, p path) {
	x, ok := s.find(p)
	if !ok {
		refusal.Write(w, errNoSession)
		return
	}
	var names []string
	if err := readJSON(w, r, &names); err != nil {
		refusal.Write(w, err)
		return
	}
	w.Header().Set("Location", x.location()+"/"+eventsPart)
	w.WriteHeader(http.StatusCreated)
}

// events names the layers: at once, and when they are others.
func (s *Server) events(w http.ResponseWriter, r *http.Request, p path) {
	x, ok := s.find(p)
	if !ok {
		refusal.Write(w, errNoSession)
		return
	}
	if x.listening.Add(1) > maxListening {
		x.listening.Add(-1)
		refusal.Write(w, errRate)
		return
	}
	defer x.listening.Add(-1)
	stream := sse.Open(w)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var last []byte
	var said time.Time
	for {
		text, now := x.describe(x.watcher.Layers()), time.Now()
		var err error
		switch {
		case !bytes.Equal(text, last):
			err = stream.Tell(layersEvent, text)
			last, said = text, now
		case now.Sub(said) >= maxSilence:
			err = stream.Stay()
			said = now
		}
		if err != nil {
			return
		}
		select {
		case <-look.C:
		case <-x.ended:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// sent is a layer as events name it. Bit rates, which change all the time, are left out.
type sent struct {
	ID         string `json:"id,omitempty"`
	EncodingID string `json:"encodingId,omitempty"`
	Index      int    `json:"simulcastIdx"`
	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
}

// describe names layers to a client.
func (x *session) describe(layers []studio.Layer) []byte {
	var all struct {
		Active   []sent `json:"active"`
		Inactive []sent `json:"inactive"`
		Layers   []sent `json:"layers"`
	}
	all.Active, all.Inactive, all.Layers = []sent{}, []sent{}, []sent{}
	for i, l := range layers {
		is := sent{ID: l.ID, Index: i, Width: l.Width, Height: l.Height}
		if l.Active {
			all.Active = append(all.Active, is)
		} else {
			all.Inactive = append(all.Inactive, is)
		}
		is.ID, is.EncodingID = "", l.ID // what nobody wants is not sent, until somebody chooses it
		all.Layers = append(all.Layers, is)
	}
	slices.Reverse(all.Active) // the draft has the largest first
	slices.Reverse(all.Layers)
	text, _ := json.Marshal(map[string]any{strconv.Itoa(x.pictureLine): all}) // of strings and numbers
	return text
}

// readJSON reads a body.
func readJSON(w http.ResponseWriter, r *http.Request, to any) error {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Header.Get("Content-Type") != "" && (err != nil || got != jsonType) {
		return errNotJSON
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChoice)).Decode(to); err != nil {
		return errBadJSON
	}
	return nil
}
