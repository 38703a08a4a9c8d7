package plain

import (
	"strings"
	"testing"
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
