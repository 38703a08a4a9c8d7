package plain

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  Ada \n\t Lovelace ":         "Ada Lovelace",
		"a\u202eb\u2066c\u200b\ufeffd": "abcd",
		"👩\u200d💻":                     "👩\u200d💻",
		"a\x00\x1b[31mb":               "a[31mb",
		"\u00a0\u3000":                 "",
		"小明":                           "小明",
		"bad \xff utf-8":               "bad utf-8",
	} {
		if got := Line(in); got != want {
			t.Errorf("%q became %q instead of %q", in, got, want)
		}
	}
	if got := Name(strings.Repeat("é ", 100)); len([]rune(got)) > MaxNameRunes || strings.HasSuffix(got, " ") {
		t.Errorf("%q", got)
	}
}

func TestTimesCanBeWritten(t *testing.T) {
	for text, want := range map[string]bool{
		"2026-11-30T12:00:00+08:00": true, "9999-12-31T23:59:59Z": true, "0000-01-01T00:00:00Z": true,
		"9999-12-31T23:59:59-23:59": false, "0000-01-01T00:00:00+00:01": false,
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		utc, ok := Time(at)
		if _, err := json.Marshal(utc); ok != want || ok != (err == nil) || utc.Location() != time.UTC {
			t.Errorf("%s: %v, %v, %v", text, utc, ok, err)
		}
	}
}
