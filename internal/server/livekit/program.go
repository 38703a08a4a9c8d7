package livekit

import (
	"cmp"
	"strings"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// describe is what the client says of itself, for operators. It is text of strangers. Browsers are named by their requests where
// the SDK does not.
func (c client) describe(p *room.Program) {
	browser, system := readAgent(c.agent)
	p.Door = "livekit"
	if c.info.Sdk != pb.ClientInfo_UNKNOWN {
		p.SDK = strings.ToLower(c.info.Sdk.String())
	}
	p.Version = clip(c.info.Version)
	p.OS = clip(cmp.Or(strings.TrimSpace(c.info.Os+" "+c.info.OsVersion), system))
	p.Browser = clip(cmp.Or(strings.TrimSpace(c.info.Browser+" "+c.info.BrowserVersion), browser))
	p.Device = clip(c.info.DeviceModel)
}

// browsers are the words by which browsers are known in User-Agent, those first that also use the others'. Systems likewise.
var (
	browsers = []struct{ word, name string }{
		{"MicroMessenger/", "WeChat"}, {"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Firefox/", "Firefox"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"},
		{"Version/", "Safari"},
	}
	systems = []struct{ word, name string }{
		{"iPhone", "iOS"}, {"iPad", "iPadOS"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"},
		{"Linux", "Linux"},
	}
)

// readAgent names the browser, with the first part of its version, and the system. Both are empty for other programs.
func readAgent(agent string) (browser, system string) {
	if !strings.HasPrefix(agent, "Mozilla/") {
		return "", ""
	}
	for _, b := range browsers {
		if _, rest, ok := strings.Cut(agent, b.word); ok {
			version, _, _ := strings.Cut(rest, ".")
			if len(version) > 4 || strings.Trim(version, "0123456789") != "" {
				version = ""
			}
			browser = strings.TrimSpace(b.name + " " + version)
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s.word) {
			return browser, s.name
		}
	}
	return browser, ""
}
