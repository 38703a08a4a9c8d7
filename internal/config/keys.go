package config

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/tuttilive/tutti/internal/auth"
)

// Keys reads the API key and secret from dir, making them on the first start. The file can be read by its owner alone.
func Keys(dir string) (auth.Keys, error) {
	keys, err := StoredKeys(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(dir, filepath.Join(dir, "keys.yaml"))
	}
	return keys, err
}

// StoredKeys reads the API key and secret that a server has made in dir; fs.ErrNotExist where none has.
func StoredKeys(dir string) (auth.Keys, error) {
	path := filepath.Join(dir, "keys.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return auth.Keys{}, fmt.Errorf("reading the API key: %w", err)
	}
	var stored struct {
		Key    string `yaml:"key"`
		Secret string `yaml:"secret"`
	}
	if err := yaml.Unmarshal(content, &stored); err != nil {
		return auth.Keys{}, fmt.Errorf("reading the API key in %s: %w", path, err)
	}
	if stored.Key == "" || len(stored.Secret) < 32 {
		return auth.Keys{}, fmt.Errorf("%s: needs a key, and a secret of at least 32 characters", path)
	}
	return auth.Keys{Key: stored.Key, Secret: stored.Secret}, nil
}

func makeKeys(dir, path string) (auth.Keys, error) {
	k := RandomKeys()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return auth.Keys{}, fmt.Errorf("making the data directory: %w", err)
	}
	content := fmt.Sprintf("# Tutti's API key and secret. Whoever has them may do everything.\nkey: %s\nsecret: %s\n", k.Key, k.Secret)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return auth.Keys{}, fmt.Errorf("keeping the API key: %w", err)
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return auth.Keys{}, fmt.Errorf("keeping the API key: %w", err)
	}
	return k, nil
}

// RandomKeys makes a new API key and secret.
func RandomKeys() auth.Keys {
	return auth.Keys{Key: "API" + rand.Text()[:12], Secret: rand.Text() + rand.Text()}
}
