package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokensNeedTheServersKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "elsewhere")
	c := tokenCommand{Room: "r", Identity: "a", Data: dir}
	if err := c.Run(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without keys: %v", err)
	}
	c.APIKey = "devkey"
	if err := c.Run(); err == nil || !strings.Contains(err.Error(), "api-secret") {
		t.Errorf("with half a pair: %v", err)
	}
}
