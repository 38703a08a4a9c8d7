package board

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

func pen(id string, v uint32, x int) Element {
	return Element{ID: id, V: v, Kind: Pen, Color: "black", Size: 4, X: x, Points: []int{0, 0, 10, 10}}
}

func gone(id string, v uint32) Element { return Element{ID: id, V: v, Gone: true} }

func TestEveryOrderOfDrawingsEndsInTheSameBoard(t *testing.T) {
	type drawing struct {
		by  string
		put []Element
	}
	// Three people change, remove and bring back the same elements at once, some of them with equal versions.
	drawings := []drawing{
		{"ada", []Element{pen("a", 1, 1), pen("b", 1, 1)}},
		{"bob", []Element{pen("a", 2, 2)}},
		{"eve", []Element{pen("a", 2, 3), gone("b", 2)}},
		{"ada", []Element{gone("a", 3)}},
		{"bob", []Element{pen("a", 3, 4), pen("c", 1, 4)}},
		{"ada", []Element{pen("b", 3, 5)}},
		{"ada", []Element{pen("b", 3, 6)}}, // two pages of one person
		{"eve", []Element{pen("a", 4, 7), gone("c", 2)}},
	}
	order := rand.New(rand.NewPCG(1, 2))
	var want []Page
	for round := range 300 {
		server, late := New(), New()
		half := order.IntN(len(drawings))
		var told []Drawing
		for i, n := range order.Perm(len(drawings)) {
			if i == half { // one comes late: the snapshot is taken now, what follows is told
				snapshot := server.Snapshot()
				for _, e := range snapshot.Contents[0].Elements {
					late.pages[0].elements[e.ID] = e
				}
			}
			won, err := server.Draw(drawings[n].by, Drawing{Page: "p1", Put: drawings[n].put})
			if err != nil {
				t.Fatal(err)
			}
			if i >= half {
				told = append(told, won)
			}
		}
		order.Shuffle(len(told), func(i, j int) { told[i], told[j] = told[j], told[i] })
		for _, d := range append(told, told...) { // and twice
			for _, e := range d.Put {
				by := e.By
				e.By = ""
				if _, err := late.Draw(by, Drawing{Page: d.Page, Put: []Element{e}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := server.Snapshot().Contents
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: another order made another board:\n%v\n%v", round, got, want)
		}
		if copied := late.Snapshot().Contents; !reflect.DeepEqual(copied, want) {
			t.Fatalf("round %d: who came late has another board:\n%v\n%v", round, copied, want)
		}
	}
}

func TestOnlyWhatWonIsTold(t *testing.T) {
	b := New()
	draw := func(e ...Element) []Element {
		t.Helper()
		won, err := b.Draw("ada", Drawing{Page: "p1", Put: e})
		if err != nil {
			t.Fatal(err)
		}
		return won.Put
	}
	if won := draw(pen("a", 5, 0)); len(won) != 1 || won[0].By != "ada" {
		t.Fatalf("a new element is told with who drew it, not %v", won)
	}
	if won := draw(pen("a", 4, 9), pen("a", 5, 0), pen("b", 1, 0)); len(won) != 1 || won[0].ID != "b" {
		t.Fatalf("older and equal versions are not told, but %v was", won)
	}
}

func TestWhatIsOnItsWayToAClearedPageIsRefused(t *testing.T) {
	b := New()
	if err := b.Clear("p1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Draw("ada", Drawing{Page: "p1", Put: []Element{pen("a", 1, 0)}}); !errors.Is(err, ErrNoPage) {
		t.Fatalf("got %v", err)
	}
	if s := b.State(); len(s.Pages) != 1 || s.Shown != s.Pages[0] || s.Shown == "p1" {
		t.Fatalf("got %+v", s)
	}
}

func TestPages(t *testing.T) {
	b := New()
	for i := 1; i < MaxPages; i++ {
		if err := b.AddPage("p1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.AddPage("p1"); !errors.Is(err, ErrFull) {
		t.Fatalf("one page too many: %v", err)
	}
	if s := b.State(); s.Pages[1] != "p20" || s.Shown != "p20" {
		t.Fatalf("a new page comes after the one named and is shown: %+v", s)
	}
	if err := b.RemovePage("p20"); err != nil {
		t.Fatal(err)
	}
	if s := b.State(); s.Shown != "p19" || len(s.Pages) != MaxPages-1 {
		t.Fatalf("the page that moved up is shown: %+v", s)
	}
	for _, p := range b.State().Pages {
		if err := b.RemovePage(p); err != nil {
			t.Fatal(err)
		}
	}
	if s := b.State(); len(s.Pages) != 1 || b.bytes != 0 {
		t.Fatalf("one empty page is left: %+v, %d bytes", s, b.bytes)
	}
	for _, err := range []error{b.Show("p1"), b.Clear("p1"), b.RemovePage("p1"), b.AddPage("p1")} {
		if !errors.Is(err, ErrNoPage) {
			t.Errorf("got %v of a page that is gone", err)
		}
	}
}

func TestABoardIsBounded(t *testing.T) {
	b := New()
	many := func(from, n int, change func(*Element)) Drawing {
		d := Drawing{Page: "p1"}
		for i := range n {
			e := pen(fmt.Sprint("e", from+i), 1, 0)
			if change != nil {
				change(&e)
			}
			d.Put = append(d.Put, e)
		}
		return d
	}
	for i := 0; i < MaxElements; i += 100 {
		if _, err := b.Draw("ada", many(i, 100, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Draw("ada", many(MaxElements, 1, nil)); !errors.Is(err, ErrFull) {
		t.Fatalf("an element too many: %v", err)
	}
	if _, err := b.Draw("ada", Drawing{Page: "p1", Put: []Element{gone("e1", 2), pen("new", 1, 0)}}); err != nil {
		t.Fatalf("the place of what was removed is free again: %v", err)
	}
	if n := len(b.Snapshot().Contents[0].Elements); n != MaxElements+1 {
		t.Fatalf("%d elements are known, the removed one too", n)
	}

	b = New()
	long := func(e *Element) { e.Points = make([]int, MaxPoints) }
	var err error
	n := 0
	for ; err == nil; n += 10 {
		if _, err = b.Draw("ada", many(n, 10, long)); err != nil && !errors.Is(err, ErrFull) {
			t.Fatal(err)
		}
	}
	if b.bytes > MaxBytes || b.bytes < MaxBytes*9/10 {
		t.Fatalf("%d bytes after it was full", b.bytes)
	}
	if _, err := b.Draw("ada", Drawing{Page: "p1", Put: []Element{gone("e0", 2)}}); err != nil {
		t.Fatalf("removing from a full board: %v", err)
	}
}

func TestNobodyTakesAnElementsLastVersion(t *testing.T) {
	b := New()
	for _, e := range []Element{pen("a", maxVersion, 0), pen("a", maxStep+1, 0)} {
		if _, err := b.Draw("eve", Drawing{Page: "p1", Put: []Element{e}}); !errors.Is(err, ErrMalformed) {
			t.Errorf("version %d: %v", e.V, err)
		}
	}
}

func TestParse(t *testing.T) {
	point := strings.Repeat("1,", MaxPoints-1) + "1"
	element := func(s string) string { return `{"page":"p1","put":[` + s + `]}` }
	for name, c := range map[string]struct {
		json string
		good bool
	}{
		"pen":               {element(`{"id":"a-1","v":1,"kind":"pen","z":1,"x":-5,"y":7,"points":[0,0,3,4],"color":"red","size":4}`), true},
		"longest pen":       {element(`{"id":"a","v":1,"kind":"marker","points":[` + point + `],"color":"red","size":4}`), true},
		"pen too long":      {element(`{"id":"a","v":1,"kind":"pen","points":[` + point + `,1,1],"color":"red","size":4}`), false},
		"odd points":        {element(`{"id":"a","v":1,"kind":"pen","points":[1,2,3],"color":"red","size":4}`), false},
		"points far away":   {element(`{"id":"a","v":1,"kind":"pen","points":[1,2,1e9,4],"color":"red","size":4}`), false},
		"no points":         {element(`{"id":"a","v":1,"kind":"pen","color":"red","size":4}`), false},
		"fractions":         {element(`{"id":"a","v":1,"kind":"pen","points":[1.5,2],"color":"red","size":4}`), false},
		"arrow":             {element(`{"id":"a","v":1,"kind":"arrow","points":[0,0,30,40],"color":"red","size":4}`), true},
		"arrow with a bend": {element(`{"id":"a","v":1,"kind":"arrow","points":[0,0,30,40,5,5],"color":"red","size":4}`), false},
		"rectangle":         {element(`{"id":"a","v":1,"kind":"rect","w":30,"h":40,"color":"red","size":4,"fill":true}`), true},
		"negative width":    {element(`{"id":"a","v":1,"kind":"rect","w":-30,"h":40,"color":"red","size":4}`), false},
		"text":              {element(`{"id":"a","v":1,"kind":"text","text":"第一行\nline <b>2</b>","color":"blue","size":32}`), true},
		"control character": {element(`{"id":"a","v":1,"kind":"text","text":"\u0007","color":"blue","size":32}`), false},
		"empty text":        {element(`{"id":"a","v":1,"kind":"text","text":"","color":"blue","size":32}`), false},
		"long text":         {element(`{"id":"a","v":1,"kind":"text","text":"` + strings.Repeat("x", MaxTextBytes+1) + `","color":"blue","size":32}`), false},
		"removed":           {element(`{"id":"a","v":2,"gone":true}`), true},
		"removed with rest": {element(`{"id":"a","v":2,"gone":true,"kind":"pen"}`), false},
		"picture":           {element(`{"id":"a","v":1,"kind":"image","color":"red","size":4,"w":1,"h":1}`), false},
		"address":           {element(`{"id":"a","v":1,"kind":"rect","w":1,"h":1,"color":"red","size":4,"link":"https://example.com"}`), false},
		"colour as a value": {element(`{"id":"a","v":1,"kind":"rect","w":1,"h":1,"color":"url(x)","size":4}`), false},
		"signed by another": {element(`{"id":"a","v":1,"by":"bob","kind":"rect","w":1,"h":1,"color":"red","size":4}`), false},
		"no version":        {element(`{"id":"a","kind":"rect","w":1,"h":1,"color":"red","size":4}`), false},
		"strange id":        {element(`{"id":"<a>","v":1,"kind":"rect","w":1,"h":1,"color":"red","size":4}`), false},
		"nothing":           {`{"page":"p1","put":[]}`, false},
		"two in a row":      {element(`{"id":"a","v":2,"gone":true}`) + `{}`, false},
		"not JSON":          {`<svg/>`, false},
		"much too long":     {`{"page":"` + strings.Repeat("x", MaxDrawingBytes) + `"}`, false},
	} {
		if _, err := Parse([]byte(c.json)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v has no kind", name, err)
		}
	}
	if _, err := ParseTrace([]byte(`{"page":"p1","id":"a","kind":"pen","color":"red","size":4,"points":[1,2]}`)); err != nil {
		t.Error(err)
	}
	if _, err := ParseTrace([]byte(`{"page":"p1","id":"a","kind":"rect","color":"red","size":4,"points":[1,2]}`)); err == nil {
		t.Error("a trace of a rectangle was read")
	}
}

func TestPace(t *testing.T) {
	var p Pace
	now := time.Unix(1000, 0)
	n := 0
	for p.Allow(10, now) {
		n++
	}
	if n != burstMessages {
		t.Errorf("a burst of %d messages", n)
	}
	allowed := 0
	for range 1000 { // ten seconds of a hundred a second
		now = now.Add(10 * time.Millisecond)
		if p.Allow(10, now) {
			allowed++
		}
	}
	if allowed < paceMessages*10-1 || allowed > paceMessages*10+1 {
		t.Errorf("%d messages in ten seconds", allowed)
	}
	if (&Pace{}).Allow(burstBytes+1, now) {
		t.Error("too many bytes at once")
	}
}

// FuzzDraw holds what is always true of what Parse lets through and Draw takes in.
func FuzzDraw(f *testing.F) {
	f.Add([]byte(`{"page":"p1","put":[{"id":"a","v":1,"kind":"pen","points":[0,0,3,4],"color":"red","size":4},{"id":"a","v":2,"gone":true}]}`))
	f.Add([]byte(`{"page":"p1","put":[{"id":"b","v":7,"kind":"text","text":"你好","color":"blue","size":32,"x":1600,"y":900}]}`))
	f.Add([]byte(`{"page":"p1","put":[{"id":"c","v":1000,"kind":"ellipse","w":3200,"h":1,"color":"grey","size":60,"fill":true,"z":9}]}`))
	f.Add([]byte(`{"page":"p2","put":[{"id":"d","v":1,"kind":"arrow","points":[0,0,-3,4],"color":"green","size":1}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if trace, err := ParseTrace(data); err == nil && len(trace.Points) > MaxPoints {
			t.Fatal("a trace without end")
		}
		d, err := Parse(data)
		if err != nil {
			return
		}
		b := New()
		won, err := b.Draw("ada", d)
		if err != nil {
			return
		}
		out, err := json.Marshal(won)
		if err != nil {
			t.Fatal(err)
		}
		if len(out) > 4*MaxDrawingBytes {
			t.Fatalf("%d bytes became %d", len(data), len(out))
		}
		if again, err := b.Draw("ada", d); err != nil || len(again.Put) != 0 {
			t.Fatalf("the same again changed %v, %v", again, err)
		}
		sum := 0
		for _, e := range b.Snapshot().Contents[0].Elements {
			sum += e.size()
		}
		if sum != b.bytes {
			t.Fatalf("%d bytes are %d", b.bytes, sum)
		}
	})
}
