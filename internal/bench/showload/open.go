package showload

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
)

// openFLV plays HTTP-FLV.
func openFLV(url string) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusOK {
			resp.Body.Close()
			return nil, fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return resp.Body, nil
	}
}

// openHLS has ffmpeg play HLS, and takes what it plays as FLV, with the times that are in the segments.
func openHLS(url string) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-loglevel", "error", "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", "-f", "flv", "-")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return &played{out, cmd}, nil
	}
}

// played is what a player's process plays.
type played struct {
	io.ReadCloser
	cmd *exec.Cmd
}

func (p *played) Close() error {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()         // and why does not matter
	return nil
}
