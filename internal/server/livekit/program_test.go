package livekit

import "testing"

func TestReadAgent(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                            "Chrome 156, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0":    "Edge 150, Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0":                                                           "Firefox 153, Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile Safari/604.1": "Safari 19, iOS",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15":            "Safari 19, macOS",
		"Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50":    "WeChat 8, Android",
		"Mozilla/5.0 Chrome/<script>alert(1)</script>":                                                                                     "Chrome, ",
		"Go-http-client/1.1": ", ",
		"":                   ", ",
	} {
		browser, system := readAgent(agent)
		if got := browser + ", " + system; got != want {
			t.Errorf("%q is %q, not %q", agent, got, want)
		}
	}
}
