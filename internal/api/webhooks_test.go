package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/webhook"
)

// operator is how an operator calls.
var operator = "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":"+testKeys.Secret))

func TestDeliveriesAreForOperators(t *testing.T) {
	f := serve(t, nil)
	if resp := f.call("GET", "/api/webhooks/deliveries", "", nil); resp.StatusCode != 401 {
		t.Errorf("a stranger: %s", resp.Status)
	}
	var list struct{ Deliveries []any }
	if resp := f.call("GET", "/api/webhooks/deliveries", "", &list, operator); resp.StatusCode != 200 || list.Deliveries == nil {
		t.Errorf("an operator: %s", resp.Status)
	}
	if resp := f.call("POST", "/api/webhooks/deliveries/WD_x/replay", "", nil, operator); resp.StatusCode != 404 {
		t.Errorf("replaying what is not there: %s", resp.Status)
	}
}

// told is what was told to an application that is no more.
type told struct{}

var gone = webhook.Delivery{
	ID: "WD_1", Event: "room_started", EventID: "EV_1", Room: "hall", Receiver: "https://app.example/hook", At: time.Unix(1_800_000_000, 0),
	Tried: time.Unix(1_800_000_001, 0), Attempts: 1, Outcome: webhook.Failed, Error: "the receiver answered 410 Gone", Reason: dial.Denied, Code: "410",
	Body: json.RawMessage(`{"event":"room_started"}`),
}

func (told) Deliveries() []webhook.Delivery { return []webhook.Delivery{gone} }
func (told) Replay(_ context.Context, id string) (webhook.Delivery, error) {
	if id != gone.ID {
		return webhook.Delivery{}, webhook.ErrPending
	}
	return gone, nil
}

func TestDeliveriesAreAsDescribed(t *testing.T) {
	f := serve(t, func(o *Options) { o.Webhooks = told{} })
	for _, c := range []struct{ method, path, schema, says string }{
		{"GET", "/api/webhooks/deliveries", "Deliveries", `"reason":"refused","code":"410"`},
		{"POST", "/api/webhooks/deliveries/WD_1/replay", "Delivery", `"reason":"refused","code":"410"`},
		{"POST", "/api/webhooks/deliveries/WD_2/replay", "Error", `"code":"pending"`},
	} {
		var answer json.RawMessage
		f.call(c.method, c.path, "", &answer, operator)
		if err := f.api.description.Check(c.schema, answer); err != nil || !strings.Contains(string(answer), c.says) {
			t.Errorf("%s %s: %v, %s", c.method, c.path, err, answer)
		}
	}
}
