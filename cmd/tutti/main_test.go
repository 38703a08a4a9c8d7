package main

import (
	"strings"
	"testing"
)

func TestMisspelledVariablesAreRefused(t *testing.T) {
	t.Setenv("TUTTI_HTPP", ":1")
	err := run([]string{"token", "--room", "a", "--identity", "b", "--api-key", "k", "--api-secret", "s"})
	if err == nil || !strings.Contains(err.Error(), "TUTTI_HTPP") {
		t.Fatalf("got %v", err)
	}
}
