// Command tutti is the server: rooms, calls and live streams in one program.
package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tuttilive/tutti/internal/config"
)

// version is set by the linker for releases.
var version = "dev"

type commands struct {
	Config  string           `help:"Configuration file; tutti.yaml in the working directory is read when it is there." env:"TUTTI_CONFIG" placeholder:"FILE"`
	Version kong.VersionFlag `help:"Print the version." env:"-"`

	Serve serveCommand `cmd:"" default:"withargs" help:"Run the server."`
	Token tokenCommand `cmd:"" help:"Make an access token for a room."`
	Bench benchCommand `cmd:"" help:"Measure a server under load."`
	Check checkCommand `cmd:"" help:"Check what a server serves."`
}

func main() {
	if slices.Contains(os.Args[1:], "serve") {
		restLonger()
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tutti:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	path, named := configPath(args)
	file, err := config.File(path, named)
	if err != nil {
		return err
	}
	options := []kong.Option{
		kong.Name("tutti"), kong.Description("Calls, rooms and live streams in one program."),
		kong.DefaultEnvars("TUTTI"), kong.Vars{"version": version}, kong.UsageOnError(),
	}
	if file != nil {
		options = append(options, kong.Resolvers(file))
	}
	var c commands
	parser, err := kong.New(&c, options...)
	if err != nil {
		return err
	}
	if err := unknownVariables(parser.Model.Node); err != nil {
		return err
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return ctx.Run()
}

// serviceLink matches what Kubernetes sets in every container for a service that is called tutti.
var serviceLink = regexp.MustCompile(`^TUTTI_(.*_)?(SERVICE_HOST|SERVICE_PORT|PORT)(_.*)?$`)

// unknownVariables refuses TUTTI_ variables that set nothing: most likely they are misspelled.
func unknownVariables(root *kong.Node) error {
	known := map[string]bool{}
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			for _, env := range f.Envs {
				known[env] = true
			}
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(root)
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "TUTTI_") && !known[name] && !serviceLink.MatchString(name) {
			return fmt.Errorf("unknown environment variable %s", name)
		}
	}
	return nil
}

// configPath looks for --config before everything else is parsed, since the file takes part in parsing.
func configPath(args []string) (path string, named bool) {
	for i, a := range args {
		if a == "--config" && i+1 < len(args) {
			return args[i+1], true
		}
		if len(a) > 9 && a[:9] == "--config=" {
			return a[9:], true
		}
	}
	if p := os.Getenv("TUTTI_CONFIG"); p != "" {
		return p, true
	}
	return "tutti.yaml", false
}
