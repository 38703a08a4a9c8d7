package call

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// passes makes and knows the secrets by which sessions are resumed. A secret carries a seal of this process for its room,
// so a session that has ended can be told from one that never was, without remembering either.
type passes struct{ key []byte }

const passHalf = 16

func newPasses() passes {
	key := make([]byte, 32)
	rand.Read(key)
	return passes{key}
}

func (p passes) issue(room string) string {
	random := make([]byte, passHalf)
	rand.Read(random)
	return base64.RawURLEncoding.EncodeToString(append(random, p.seal(room, random)...))
}

// ours tells whether this process issued a secret for a room.
func (p passes) ours(room, pass string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(pass)
	if err != nil || len(raw) != 2*passHalf {
		return false
	}
	return subtle.ConstantTimeCompare(raw[passHalf:], p.seal(room, raw[:passHalf])) == 1
}

func (p passes) seal(room string, random []byte) []byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write(random)
	mac.Write([]byte(room))
	return mac.Sum(nil)[:passHalf]
}
