package codec

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// clockStart keeps times positive when the first pictures in decoding order are not the first to be shown.
	clockStart = 10_000 // ms
	// clockMax is where FLV's clock of 32 bits ends, with some days left.
	clockMax = 1 << 31
)

// worker is a process that takes coded pictures of one format.
type worker struct {
	*process
	format *media.Format
	base   time.Duration
	buf    []byte
}

// startWorker starts a process for the format of first, which is a keyframe, unless there is one already; read gives out what the process makes.
func (w *Workers) startWorker(first *media.Frame, args []string, p *process, hang time.Duration, quit <-chan struct{}, read func(*process, io.Reader) error) (*worker, error) {
	header, err := matroskaHeader(first.Format)
	if err != nil {
		if p != nil {
			p.discard()
		}
		return nil, err
	}
	if p == nil {
		if p, err = w.spawn(args); err != nil {
			return nil, err
		}
	}
	p.attend(hang, quit, read)
	k := &worker{process: p, format: first.Format, base: first.PTS - clockStart*time.Millisecond}
	if err := k.send(header); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// startConverter starts a process that makes H.264 of the format of first, with so many lines at most, 0 for any.
func (w *Workers) startConverter(first *media.Frame, lines int, out func(*media.Frame), quit <-chan struct{}) (*worker, error) {
	args := converterArguments(first.Format, lines, w.libvpx)
	return w.startWorker(first, args, nil, w.hang, quit, func(p *process, stdout io.Reader) error { return p.readH264(stdout, out) })
}

// sourceArguments have coded pictures read from the standard input: what keeps latency down is probing of nothing, and one thread
// wherever frames would queue for threads. Without a format they are for what most send: no VP9, and no B-frames.
func sourceArguments(f *media.Format, libvpx bool) []string {
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-protocol_whitelist", "pipe",
		"-probesize", "32", "-analyzeduration", "0", "-threads", "1",
	}
	if f == nil || !f.Reordered {
		args = append(args, "-flags", "low_delay")
	}
	if f != nil && f.Codec == media.VP9 && libvpx {
		// Of a picture in several spatial layers it shows the largest; ffmpeg's own decoder shows each.
		args = append(args, "-c:v", "libvpx-vp9")
	}
	return append(args, "-f", "matroska", "-i", "pipe:0")
}

// passTimes has each picture leave with the time that it came with.
var passTimes = []string{
	"-map", "0:v:0", "-an", "-sn", "-dn", "-copyts", "-vsync", "passthrough", "-enc_time_base", "1:1000",
}

// x264Arguments choose zerolatency at an effort, a greatest bitrate in bit/s, and about so many pictures a second.
func x264Arguments(preset string, bitrate, threads, fps int) []string {
	kbit := strconv.Itoa(bitrate / 1000)
	return []string{
		"-c:v", "libx264", "-preset", preset, "-tune", "zerolatency", "-profile:v", "baseline", "-bf", "0",
		"-crf", "23", "-maxrate", kbit + "k", "-bufsize", kbit + "k",
		// Without a frame rate x264 would take the clock's for it and spend its budget on the first frames.
		"-x264-params", fmt.Sprintf("fps=%d:scenecut=0", fps), "-threads", strconv.Itoa(threads),
	}
}

// toFLV has pictures written out at once, with times in milliseconds.
var toFLV = []string{
	"-flush_packets", "1", "-muxdelay", "0", "-muxpreload", "0", "-avoid_negative_ts", "disabled",
	"-flvflags", "no_duration_filesize+no_metadata", "-f", "flv", "pipe:1",
}

func converterArguments(f *media.Format, lines int, libvpx bool) []string {
	args := sourceArguments(f, libvpx)
	args = append(args, passTimes...)
	width, height := f.Width, f.Height
	switch {
	case lines > 0 && min(width, height) > lines:
		args = append(args, "-vf", lower(lines).filter(f))
		width, height = lower(lines).size(f)
	case f.Codec == media.AV1 && width > 0 && height > 0:
		// The largest of its spatial layers may be missing, also in the first picture.
		args = append(args, "-s", fmt.Sprintf("%dx%d", width, height))
	}
	args = append(args, "-pix_fmt", "yuv420p")
	preset, bitrate, threads := workerEffort(width, height)
	args = append(args, x264Arguments(preset, bitrate, threads, 30)...)
	// A keyframe wherever the source has one, so that one can be asked for, and every 60 frames at least. Beside the picture that it is made of it has
	// no others: both are cut at the same ones.
	most := "60"
	if lines > 0 {
		most = "99999"
	}
	args = append(args, "-force_key_frames", "source", "-g", most)
	return append(args, toFLV...)
}

// workerEffort suits preset, greatest bitrate in bit/s and threads to a picture's size.
func workerEffort(width, height int) (preset string, bitrate, threads int) {
	switch area := width * height; {
	case area > 1920*1088:
		return "ultrafast", 12_000_000, 2
	case area > 1280*736:
		return "superfast", 6_000_000, 2
	case area > 960*544, area == 0:
		return "veryfast", 3_500_000, 1
	case area > 640*368:
		return "veryfast", 2_000_000, 1
	}
	return "veryfast", 1_200_000, 1
}

// write hands in a frame of the worker's format. It blocks while the process takes nothing.
func (k *worker) write(f *media.Frame) error {
	at := (f.PTS - k.base).Milliseconds()
	if at < 0 || at > clockMax {
		return fmt.Errorf("codec: picture at %v is off the worker's clock", f.PTS-k.base)
	}
	payload := f.Payload
	switch f.Format.Codec {
	case media.H264, media.H265:
		// Parameter sets inside could announce another size than the one that was checked.
		keep := h264Slice
		if f.Format.Codec == media.H265 {
			keep = h265Slice
		}
		var ok bool
		if payload, ok = filterUnits(nil, payload, keep); !ok || len(payload) == 0 {
			return nil // nothing to decode in it
		}
	}
	at, err := k.owed.enter(at, f.PTS)
	if err != nil {
		return err
	}
	k.buf = matroskaFrame(k.buf[:0], at, f.Keyframe, payload)
	return k.send(k.buf)
}

// readH264 gives out the FLV that comes until the process ends.
func (p *process) readH264(stdout io.Reader, out func(*media.Frame)) error {
	r := flvReader{r: bufio.NewReaderSize(stdout, 64<<10)}
	var format *media.Format
	first, last := true, time.Duration(0)
	for {
		unit, err := r.next()
		if err != nil {
			return err
		}
		if unit.config {
			if format, err = h264Format(unit.data); err != nil {
				return err
			}
			continue
		}
		pts, ok := p.owed.leave(unit.at)
		if format == nil || !ok || !first && pts <= last {
			continue
		}
		payload, ok := filterUnits(unit.data[:0], unit.data, h264Slice)
		if !ok || len(payload) == 0 {
			continue
		}
		out(&media.Frame{
			Format: format, Payload: payload, PTS: pts, DTS: pts, Keyframe: unit.keyframe, Discontinuity: first,
		})
		first, last = false, pts
		p.count.Add(1)
	}
}

func h264Format(config []byte) (*media.Format, error) {
	sps, pps, ok := avcSets(config)
	if !ok {
		return nil, fmt.Errorf("codec: worker's output has a broken configuration")
	}
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("codec: worker's output: %w", err)
	}
	return &media.Format{Codec: media.H264, Width: s.Width(), Height: s.Height(), SPS: sps, PPS: pps}, nil
}
