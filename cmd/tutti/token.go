package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/room"
)

// tokenCommand makes access tokens with the server's own keys, or with those given.
type tokenCommand struct {
	Room     string        `help:"Room that the token is for." required:""`
	Identity string        `help:"Who joins with it." required:""`
	Name     string        `help:"Display name."`
	Admin    bool          `help:"May go live, mute and remove others."`
	ViewOnly bool          `help:"May watch and listen but not publish."`
	Hidden   bool          `help:"Is not shown to others."`
	Valid    time.Duration `help:"How long the token is valid." default:"6h"`

	Data      string `help:"The server's data directory, to read its keys from." default:"data" placeholder:"DIR"`
	APIKey    string `help:"API key instead of the one in the data directory." name:"api-key"`
	APISecret string `help:"API secret that belongs to it." name:"api-secret"`
}

// Run prints one token.
func (c *tokenCommand) Run() error {
	if err := room.CheckName(c.Room); err != nil {
		return err
	}
	keys := auth.Keys{Key: c.APIKey, Secret: c.APISecret}
	switch {
	case (c.APIKey == "") != (c.APISecret == ""):
		return errors.New("api-key and api-secret go together")
	case c.APIKey == "":
		var err error
		if keys, err = config.StoredKeys(c.Data); err != nil {
			return err // keys made up here would be worth nothing to the server
		}
	}
	claims := auth.Claims{Identity: c.Identity, Name: c.Name, Video: auth.Grant{
		Room: c.Room, RoomJoin: true, RoomAdmin: c.Admin, Hidden: c.Hidden,
	}}
	if c.ViewOnly {
		no := false
		claims.Video.CanPublish, claims.Video.CanPublishData = &no, &no
	}
	token, err := keys.Mint(claims, c.Valid, time.Now())
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}
