package movie

import (
	"fmt"
	"strings"
	"time"
)

// Listed is a movie in a playlist: what it is made of, where the file is, and where its headers are.
type Listed struct {
	Pieces
	URI    string
	Header func(n int) string
}

// Playlist writes movies, one after the other, as a media playlist (RFC 8216) that plays ranges of their files.
// ffmpeg 5 and 7 do not seek in it, as they do not in any of fragmented MP4; ffmpeg 9 does.
func Playlist(movies []Listed) []byte {
	longest, independent := time.Duration(0), true
	for _, m := range movies {
		for _, p := range m.Pieces.Pieces {
			longest = max(longest, p.Duration)
			independent = independent && p.Independent
		}
	}
	var b strings.Builder
	target := int((longest + time.Second - 1) / time.Second)
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-TARGETDURATION:%d\n", max(target, 1))
	if independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	first := true
	for _, m := range movies {
		header := -1
		for _, p := range m.Pieces.Pieces {
			if p.Header != header {
				if !first {
					b.WriteString("#EXT-X-DISCONTINUITY\n")
				}
				// The range is all of it: ffmpeg 5 takes over that of the piece before where there is none.
				fmt.Fprintf(&b, "#EXT-X-MAP:URI=%q,BYTERANGE=\"%d@0\"\n", m.Header(p.Header), len(m.Headers[p.Header]))
				header = p.Header
			}
			fmt.Fprintf(&b, "#EXTINF:%.5f,\n#EXT-X-BYTERANGE:%d@%d\n%s\n", p.Duration.Seconds(), p.Bytes, p.Offset, m.URI)
			first = false
		}
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	return []byte(b.String())
}
