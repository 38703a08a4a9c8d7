package dial

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSecretsAreHiddenBeforeErrorsAreCut(t *testing.T) {
	for before := mostShown - 40; before < mostShown; before++ {
		said := errors.New("404 " + strings.Repeat("-", before) + "s3cr/t or s3cr" + strings.Repeat("-", 60_000))
		got := WithoutSecrets(said, []string{"", "4", "s3cr", "s3cr/t"})
		if strings.Contains(got, "s3") || strings.Contains(got, "/t") || len(got) > mostShown || !strings.HasPrefix(got, "404") || !utf8.ValidString(got) {
			t.Fatalf("after %d: %s", before, got)
		}
	}
}
