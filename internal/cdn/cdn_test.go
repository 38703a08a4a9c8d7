package cdn

import (
	"testing"
	"time"
)

// The examples of the networks' own documents.
func TestSignaturesAreThoseOfTheNetworks(t *testing.T) {
	if got, want := typeA("/video/standard/1K.html", 1444435200, "aliyuncdnexp1234"), "1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f"; got != want {
		t.Errorf("type A: %s, want %s", got, want)
	}
	if got, want := sum("e12c46f2612d5106e2034781ab261ca3"+streamName("/live/test.flv")+"5C271099"), "f85a2ab363fe4deaffef9754d79da6fe"; got != want {
		t.Errorf("txSecret: %s, want %s", got, want)
	}
}

func TestAddresses(t *testing.T) {
	now := time.Unix(1_800_000_123, 0)
	until := Until(now, 2*time.Hour)
	for name, c := range map[string]struct {
		front      Front
		path, want string
	}{
		"no network":     {Front{}, "/live/demo.flv", "/live/demo.flv"},
		"without a sign": {Front{Base: "https://flv.example.com", Sign: None}, "/live/demo.flv", "https://flv.example.com/live/demo.flv"},
		"in a folder":    {Front{Base: "https://cdn.example.com/tutti/"}, "/live/demo/index.m3u8", "https://cdn.example.com/tutti/live/demo/index.m3u8"},
		"alibaba": {
			Front{"https://flv.example.com", Alibaba, "k", 2 * time.Hour}, "/live/demo.flv",
			"https://flv.example.com/live/demo.flv?auth_key=" + typeA("/live/demo.flv", until.Unix(), "k"),
		},
		"tencent, a folder is signed too": {
			Front{"https://flv.example.com/x", TencentCDN, "k", 2 * time.Hour}, "/live/%E6%AD%8C.flv",
			"https://flv.example.com/x/live/%E6%AD%8C.flv?sign=" + typeA("/x/live/%E6%AD%8C.flv", until.Unix(), "k"),
		},
		"tencent live": {
			Front{"https://flv.example.com", TencentLive, "k", 2 * time.Hour}, "/live/demo/index.m3u8",
			"https://flv.example.com/live/demo/index.m3u8?txSecret=" + sum("kdemo6B49EE20") + "&txTime=6B49EE20",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.front.URL(c.path, now); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnAddressIsTheSameForAWhile(t *testing.T) {
	const life = 2 * time.Hour
	start := time.Unix(1_800_000_000, 0).Truncate(life / 2)
	for _, after := range []time.Duration{0, time.Minute, time.Hour - 1} {
		now := start.Add(after)
		if got := Until(now, life); got != start.Add(life) {
			t.Errorf("%v in: until %v", after, got)
		} else if left := got.Sub(now); left < life/2 || left > life {
			t.Errorf("%v in: good for %v", after, left)
		}
	}
	if !Until(start.Add(time.Hour), life).After(start.Add(life)) {
		t.Error("the address never changes")
	}
}

func TestBases(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://a.example.com": true, "http://a.example.com:8080/x": true,
		"a.example.com": false, "ftp://a.example.com": false, "https://": false, "https://a.example.com?x=1": false, "https://u:p@a.example.com": false,
	} {
		if err := CheckBase(base); (err == nil) != ok {
			t.Errorf("%s: %v", base, err)
		}
	}
}
