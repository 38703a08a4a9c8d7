package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const playlistKey, playlistIV = "sixteen bytes it", "sixteen others !"

// encryptCBC is what AES-128 of HLS does to a segment.
func encryptCBC(t *testing.T, b []byte, key, iv string) []byte {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		t.Error(err)
		return nil
	}
	padding := aes.BlockSize - len(b)%aes.BlockSize
	b = append(b, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, []byte(iv)).CryptBlocks(b, b)
	return b
}

// playlists has ffmpeg write a picture and a sound as HLS in each of these ways, and serves them; it gives where. Below /encrypted fragmented MP4 is
// encrypted, which ffmpeg does not do.
func playlists(t *testing.T, source []string, ways map[string]string) (at string) {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = "http://" + listener.Addr().String()
	key, info := filepath.Join(dir, "key"), filepath.Join(dir, "info")
	for name, content := range map[string]string{key: playlistKey, info: at + "/key\n" + key + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var outputs []string
	for name, options := range ways {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		options = strings.ReplaceAll(options, "KEY", "hls_key_info_file="+info)
		outputs = append(outputs, fmt.Sprintf("[f=hls:hls_time=1:hls_list_size=6:%s]%s", options, filepath.Join(dir, name, "index.m3u8")))
	}
	publish(t, slices.Concat(source, []string{"-map", "0:v", "-map", "1:a", "-g", "30", "-flags", "+global_header", "-f", "tee", strings.Join(outputs, "|")})...)
	files := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, encrypted := strings.CutPrefix(r.URL.Path, "/encrypted")
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		switch {
		case err != nil:
			http.NotFound(w, r)
			return
		case encrypted && strings.HasSuffix(name, ".m3u8"):
			b = bytes.Replace(b, []byte("#EXT-X-MAP"), []byte("#EXT-X-KEY:METHOD=AES-128,URI=\"/key\",IV=0x"+hex.EncodeToString([]byte(playlistIV))+"\n#EXT-X-MAP"), 1)
		case encrypted:
			b = encryptCBC(t, b, playlistKey, playlistIV)
		}
		w.Write(b)
	})}
	go files.Serve(listener)
	t.Cleanup(func() { files.Close() })
	for name := range ways {
		for begun := time.Now(); ; <-time.After(50 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(dir, name, "index.m3u8")); err == nil {
				break
			} else if time.Since(begun) > patience {
				t.Fatal("ffmpeg makes no playlist")
			}
		}
	}
	return at
}

// TestStreamsAreFetchedFromOtherServers fetches over RTMP and HLS from another one of ours, and over HLS in all its forms and SRT from ffmpeg, when
// somebody plays.
func TestStreamsAreFetchedFromOtherServers(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	other, r := start(t), start(t)
	source := slices.Concat(testPicture, testTone, baseline, aac)
	publish(t, slices.Concat(source, []string{"-f", "flv", "rtmp://" + other.RTMP + "/live/demo"})...)
	other.live("demo")
	at := playlists(t, source, map[string]string{
		"ts": "hls_segment_type=mpegts", "fmp4": "hls_segment_type=fmp4", "ts-encrypted": "KEY",
	})

	caller := freePorts(t, 1)[0]
	lend(t, slices.Concat(source, []string{"-f", "mpegts", "srt://" + caller + "?mode=listener"})...)

	for protocol, url := range map[string]string{
		"rtmp": "rtmp://" + other.RTMP + "/live/demo", "srt": "srt://" + caller, "ours": other.url("/live/demo/index.m3u8"),
		"ts": at + "/ts/index.m3u8", "fmp4": at + "/fmp4/index.m3u8", "ts-encrypted": at + "/ts-encrypted/index.m3u8", "fmp4-encrypted": at + "/encrypted/fmp4/index.m3u8",
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			room := "pulled-" + protocol
			r.ask("POST", "/api/rooms/"+room+"/pull", fmt.Sprintf(`{"url":%q}`, url), nil)
			flv := r.url("/live/%s.flv", room)
			// The first viewer starts it.
			got := ""
			for tries := 0; got != "aac h264"; tries++ { // one of the two may be late
				if tries == 3 {
					t.Fatalf("plays %s", got)
				}
				got = strings.Join(ffprobe(t, flv), " ")
			}
			decode(t, flv, "3")
			var all struct {
				Sources []struct{ State, Error string }
			}
			r.ask("GET", "/api/rooms/"+room+"/pull", "", &all)
			if len(all.Sources) != 1 || all.Sources[0].State != "live" || all.Sources[0].Error != "" {
				t.Errorf("%+v", all)
			}
		})
	}
	r.ask("POST", "/api/rooms/nothing/pull", fmt.Sprintf(`{"url":"rtmp://%s/live/nothing","mode":"always"}`, other.RTMP), nil)
	for begun := time.Now(); ; <-time.After(50 * time.Millisecond) {
		var all struct {
			Sources []struct{ State, Error, Reason, Code string }
		}
		r.ask("GET", "/api/rooms/nothing/pull", "", &all)
		if len(all.Sources) == 1 && all.Sources[0].State == "waiting" && strings.Contains(all.Sources[0].Error, "StreamNotFound") &&
			all.Sources[0].Reason == "refused" && all.Sources[0].Code == "NetStream.Play.StreamNotFound" {
			break
		} else if time.Since(begun) > patience {
			t.Fatalf("what is not there: %+v", all)
		}
	}
}

// TestStreamsAreFetchedAndPushedOverTLS has a server fetch a show over RTMPS and send its own there, and refuse both where it does not trust the certificate.
func TestStreamsAreFetchedAndPushedOverTLS(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	secure, data := freePorts(t, 1)[0], t.TempDir()
	other := start(t, "--data", data, "--rtmps", secure)
	source := slices.Concat(testPicture, testTone, baseline, aac)
	publish(t, slices.Concat(source, []string{"-f", "flv", "rtmps://" + secure + "/live/there"})...)
	other.live("there")
	for name, trusts := range map[string]bool{"trusts": true, "does not trust": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var environment []string
			if trusts {
				environment = []string{"SSL_CERT_FILE=" + filepath.Join(data, "root.crt")}
			}
			here, _ := processWith(t, environment, "--data", t.TempDir())
			here.ask("POST", "/api/rooms/pulled/pull", fmt.Sprintf(`{"url":"rtmps://%s/live/there","mode":"always"}`, secure), nil)
			copied := "copy-" + strings.ReplaceAll(name, " ", "-")
			here.ask("POST", "/api/rooms/shown/push", fmt.Sprintf(`{"url":"rtmps://%s/live/%s"}`, secure, copied), nil)
			publish(t, slices.Concat(source, []string{"-f", "flv", "rtmp://" + here.RTMP + "/live/shown"})...)
			type one struct{ State, Error, Reason string }
			state := func() (pulled, pushed one) {
				var sources struct{ Sources []one }
				var targets struct{ Targets []one }
				here.ask("GET", "/api/rooms/pulled/pull", "", &sources)
				here.ask("GET", "/api/rooms/shown/push", "", &targets)
				if len(sources.Sources) != 1 || len(targets.Targets) != 1 {
					t.Fatalf("%+v %+v", sources, targets)
				}
				return sources.Sources[0], targets.Targets[0]
			}
			want := "live"
			if !trusts {
				want = "waiting"
			}
			pulled, pushed := state()
			for begun := time.Now(); pulled.State != want || pushed.State != want; pulled, pushed = state() {
				if time.Since(begun) > patience {
					t.Fatalf("%+v %+v", pulled, pushed)
				}
				<-time.After(50 * time.Millisecond)
			}
			if trusts {
				decode(t, here.url("/live/pulled.flv"), "2")
				decode(t, other.url("/live/%s.flv", copied), "2")
				return
			}
			for _, s := range []one{pulled, pushed} {
				if !strings.Contains(s.Error, "certificate") {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}
