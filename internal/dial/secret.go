package dial

import (
	"slices"
	"strings"
)

// Hidden is shown in the place of what is secret.
const Hidden = "•••"

const (
	// mostShown is how many bytes of an error are shown: most of one may be what a server said.
	mostShown = 240
	// shortest is how long a secret must be to be one: anything has less in it by chance.
	shortest = 3
)

// WithoutSecrets is an error's text in which what is secret, which a server may have said, is hidden. It is cut after that: half a key is still secret.
func WithoutSecrets(err error, secrets []string) string {
	text := err.Error()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may be a part of another
	for _, secret := range secrets {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, Hidden)
		}
	}
	return strings.ToValidUTF8(text[:min(len(text), mostShown)], "")
}
