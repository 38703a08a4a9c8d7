package m3u8

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

const live = `#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=1.05
#EXT-X-PART-INF:PART-TARGET=0.35
#EXT-X-MEDIA-SEQUENCE:10
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXT-X-SKIP:SKIPPED-SEGMENTS=3
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="init,1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:42.005Z
#EXT-X-PART:DURATION=0.35,URI="13.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.1,URI="13.1.m4s",GAP=YES
#EXTINF:2.00533,
13.m4s
#EXT-X-GAP
#EXTINF:2,
14.m4s
#EXT-X-PART:DURATION=0.34133,URI="15.0.m4s"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="15.1.m4s"
#EXT-X-RENDITION-REPORT:URI="audio.m3u8",LAST-MSN=15,LAST-PART=1
`

func TestMediaPlaylist(t *testing.T) {
	got, err := ParseMedia(strings.ReplaceAll(live, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	ms := time.Millisecond
	want := &Media{Version: 9, Target: 2 * time.Second, Sequence: 10, DiscontinuitySequence: 2, Skipped: 3, PartTarget: 350 * ms, Hint: "15.1.m4s",
		Control: &Control{Block: true, SkipUntil: 12 * time.Second, HoldBack: 6 * time.Second, PartHoldBack: 1050 * ms},
		Segments: []Segment{
			{URI: "13.m4s", Duration: 2005330 * time.Microsecond, Discontinuities: 1, Map: "init,1.mp4", Start: time.Date(2027, 1, 15, 8, 1, 42, 5e6, time.UTC),
				Parts: []Part{{"13.0.m4s", 350 * ms, true, false}, {"13.1.m4s", 100 * ms, false, true}}},
			{URI: "14.m4s", Duration: 2 * time.Second, Gap: true},
		},
		Opening: Segment{Parts: []Part{{"15.0.m4s", 341330 * time.Microsecond, false, false}}},
		Reports: []Report{{"audio.m3u8", 15, 1, false}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if msn, part, ok := got.Last(); msn != 15 || part != 0 || !ok || got.First() != 13 {
		t.Errorf("the last is %d.%d", msn, part)
	}
}

func TestWhatOthersWriteIsRead(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 29, 2, 752e6, time.UTC)
	m, err := ParseMedia("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n" +
		"#EXTINF:2,\n#EXT-X-PROGRAM-DATE-TIME:2026-11-30T12:29:02.752+0000\na\n#EXT-X-PROGRAM-DATE-TIME:2026-11-30T14:29:02.752+02:00\n#EXTINF:2,\nb\n" +
		"#EXT-X-RENDITION-REPORT:URI=\"c.m3u8\"\n")
	if err != nil || m.Fault != nil || !m.Segments[0].Start.Equal(at) || !m.Segments[1].Start.Equal(at) {
		t.Fatalf("%+v, %v", m, err)
	}
	if r := m.Reports[0]; r.LastMSN != 8 || r.LastPart != -1 {
		t.Errorf("a report without a number: %+v", r)
	}
}

func TestWhatSegmentsCanBeFetchedWithoutIsPassedOver(t *testing.T) {
	for _, tag := range []string{"#EXT-X-VERSION:x", "#EXT-X-SERVER-CONTROL:HOLD-BACK=x", "#EXT-X-PART-INF:PART-TARGET=x", "#EXT-X-PROGRAM-DATE-TIME:yesterday",
		"#EXT-X-PART:DURATION=x,URI=\"p\"", "#EXT-X-RENDITION-REPORT:URI=\"r\",LAST-MSN=x", "#EXT-X-RENDITION-REPORT:URI=\"r\",LAST-MSN=1,LAST-PART=x"} {
		m, err := ParseMedia("#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + tag + "\n#EXTINF:2,\na\n")
		if err != nil || m.Fault == nil || len(m.Segments) != 1 || m.Segments[0].URI != "a" {
			t.Errorf("%s: %+v, %v", tag, m, err)
		}
	}
}

func TestKeysHoldForTheSegmentsTheyAreGivenFor(t *testing.T) {
	const drm, plain = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://k\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n", "#EXT-X-KEY:METHOD=AES-128,URI=\"k?a=1,2\",IV=0x000102030405060708090A0B0C0D0E0F\n"
	m, err := ParseMedia("#EXTM3U\n" + drm + plain + "#EXTINF:1,\na\n#EXTINF:1,\n#EXT-X-BYTERANGE:5@0\nb\n" + plain + drm + "#EXTINF:1,\nc\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\nd\n")
	if err != nil {
		t.Fatal(err)
	}
	k := &Key{Method: "AES-128", URI: "k?a=1,2", Format: "identity", IV: []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}
	for i, want := range []*Key{k, nil, k, {Method: "NONE", Format: "identity"}} {
		if got := m.Segments[i]; !reflect.DeepEqual(got.Key, want) || got.Range != (i == 1) {
			t.Errorf("%s has %+v", got.URI, got.Key)
		}
	}
}

func TestMultivariantPlaylist(t *testing.T) {
	text := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,URI="a.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=20000,AVERAGE-BANDWIDTH=10000,CODECS="avc1.42C00D,mp4a.40.2",RESOLUTION=320x180,FRAME-RATE=25.000,AUDIO="sound"
v.m3u8
`
	got, err := ParseMultivariant(text)
	want := &Multivariant{7, []Variant{{"v.m3u8", 20000, 10000, "avc1.42C00D,mp4a.40.2", 320, 180, 25, "sound"}}, []Rendition{{"AUDIO", "sound", "main", "a.m3u8", true}}}
	if err != nil || !reflect.DeepEqual(got, want) || !IsMultivariant(text) || IsMultivariant(live) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoPlaylistIsRefused(t *testing.T) {
	for _, text := range []string{"", "<html>", "#EXTM3U8", "#EXTM3U\n#EXT-X-TARGETDURATION:-1", "#EXTM3U\n#EXTINF:1e99,", "#EXTM3U\n#EXTINF:NaN,",
		"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x", "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,IV=0x01", "#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=99999999999", "#EXTM3U\n" + strings.Repeat("x", MaxBytes)} {
		if m, err := ParseMedia(text); err == nil {
			t.Errorf("%.40q is read as %+v", text, m)
		}
	}
}

func TestAPlaylistHasSoManySegmentsAndPartsAtMost(t *testing.T) {
	half := strings.Repeat("a\n", maxMedia/2) + strings.Repeat("#EXT-X-PART:DURATION=1\n", maxMedia/2)
	if m, err := ParseMedia("#EXTM3U\n" + half); err != nil || len(m.Segments) != maxMedia/2 {
		t.Errorf("as many as there may be: %v", err)
	}
	for _, more := range []string{"a", "#EXT-X-PART:DURATION=1"} {
		if _, err := ParseMedia("#EXTM3U\n" + half + more); err != errTooMany {
			t.Errorf("with another %q: %v", more, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(live)
	f.Add("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"a,b\"\nx")
	f.Add("#EXTM3U\n#EXT-X-PART:DURATION=1,URI=\"")
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := ParseMedia(text); err == nil && m.Next() < m.First() {
			t.Errorf("numbers run backwards: %d, %d", m.First(), m.Next())
		}
		_, _ = ParseMultivariant(text)
	})
}
