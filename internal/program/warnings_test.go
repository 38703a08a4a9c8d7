package program

import (
	"slices"
	"testing"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
)

func TestRenditionsOfWhatIsNeverComposedAreWarnedOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode       compose.Mode
		layout     layout.Name
		renditions []int
		want       bool
	}{
		"passed through":      {compose.ModeDirect, layout.Auto, []int{180}, true},
		"one at a time":       {compose.ModeAuto, layout.Single, []int{180}, true},
		"none wanted":         {compose.ModeDirect, layout.Auto, nil, false},
		"composed":            {compose.ModeComposed, layout.Auto, []int{180}, false},
		"one of them only":    {compose.ModeComposed, layout.Single, []int{180}, false},
		"composed if several": {compose.ModeAuto, layout.Auto, []int{180}, false},
	} {
		p := New("test", nil)
		settings := compose.Defaults()
		settings.Mode, settings.Layout, settings.Renditions = c.mode, c.layout, c.renditions
		p.Stage(nil, settings)
		if got := slices.ContainsFunc(p.Warnings(), func(w Warning) bool { return w.Code == "renditions_direct" && w.Text != "" }); got != c.want {
			t.Errorf("%s: %v", name, p.Warnings())
		}
		p.Close()
	}
}
