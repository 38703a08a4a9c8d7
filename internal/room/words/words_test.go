package words

import (
	"errors"
	"strings"
	"testing"
)

func list(t *testing.T) *List {
	t.Helper()
	l, err := Read(strings.NewReader("# a list\nass\nbad word\n笨蛋\n!forbidden\n"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWordsAreMaskedOrRefused(t *testing.T) {
	l := list(t)
	for in, want := range map[string]string{
		"class":              "class",
		"An ASS, ass!":       "An ***, ***!",
		"a bad word":         "a ********",
		"你是笨蛋吗":              "你是**吗",
		"ＡＳＳ":                "***",
		"unforbidden 1":      "unforbidden 1",
		"an a\u200bss, a\tb": "an ***, a b",
	} {
		got, other := in, "other"
		if err := l.Fit(&other, &got); err != nil || got != want || other != "other" {
			t.Errorf("%q became %q, %v", in, got, err)
		}
	}
	text := "so Forbidden"
	if err := l.Fit(&text); !errors.Is(err, ErrNotSaid) {
		t.Errorf("refused: %v", err)
	}
	if got, _ := (*List)(nil).Mask("forbidden"); got != "forbidden" {
		t.Error("no list")
	}
	if got, err := l.Mask("two\n  lines, ass"); err != nil || got != "two\n  lines, ***" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestANameIsTakenAsItIsOrNotAtAll: masked, it would be another.
func TestANameIsTakenAsItIsOrNotAtAll(t *testing.T) {
	l := list(t)
	for name, want := range map[string]error{
		"Cassandra": nil, "  Ann  Lee ": nil, "": nil,
		"Ass": ErrNotSaid, "forbidden": ErrNotSaid, "大笨蛋": ErrNotSaid, "for\u200bbidden": ErrNotSaid,
	} {
		if err := l.Takes(name); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := (*List)(nil).Takes("ass"); err != nil {
		t.Errorf("no list: %v", err)
	}
}
