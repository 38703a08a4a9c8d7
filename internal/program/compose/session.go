package compose

import (
	"errors"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

const (
	// warmUp is how long the first frame waits for all sources to have a picture.
	warmUp = 800 * time.Millisecond
	// linger is how long the picture is made that nobody reads any more.
	linger = 2 * time.Second
)

// session makes frames of one size until that changes, or nobody wants them. It belongs to the composer's goroutine.
type session struct {
	*Composer
	settings   Settings
	scene      *scene
	main       *encoding
	renditions []*rendition // from small to large
	shed       shedder
	ticker     ticker
	wanted     time.Duration // when somebody read last, or was awaited
	awaiting   time.Duration // until when nobody had read
}

// compose runs a session.
func (c *Composer) compose(w wanted) {
	width, height := w.settings.Size()
	now := media.Now()
	s := &session{
		Composer: c, settings: w.settings, scene: newScene(c.cfg, width, height), wanted: now, awaiting: now,
		main: newEncoding(c.cfg, width, height, c.output.WriteFrame),
		shed: shedder{want: effort{fps: w.settings.FPS, width: width, height: height, renditions: len(w.settings.Renditions) > 0}},
	}
	defer s.scene.close()
	if err := s.main.start(s.shed.effort()); err != nil {
		c.fail(err)
		return
	}
	defer s.main.close()
	defer c.rest()
	for i, size := range w.settings.smaller() {
		r := &rendition{cfg: c.cfg, size: size, rid: RIDs[i], fps: w.settings.FPS}
		s.renditions = append(s.renditions, r)
		defer r.close(c.output)
	}
	s.effort()
	c.cfg.log().Info("composing", "width", width, "height", height, "fps", w.settings.FPS, "renditions", w.settings.Renditions)
	defer c.cfg.log().Info("composing ended")
	s.scene.set(w, now)
	s.run(w)
}

// run makes a frame for each tick.
func (s *session) run(w wanted) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := media.Now()
		if s.unwanted(now) {
			return
		}
		wait, due := s.ticker.next(now, s.scene.lateness(now))
		if due && !s.begins(w, now) {
			s.scene.look(now)
			s.ticker.skip()
			due, wait = false, s.ticker.step/2
		}
		if due {
			if !s.scene.begun {
				s.scene.begin(w, now)
			}
			made, missed := s.paint(s.ticker.take()), s.ticker.takeMissed()
			if s.shed.judge(made, missed, s.main.begins(), now) {
				s.change(now)
			}
			continue
		}
		timer.Reset(max(wait, time.Millisecond)) // it grows while a late picture is waited for
		select {
		case <-timer.C:
		case <-s.news:
			next := s.Composer.wanted()
			if !next.settings.sameFrames(s.settings) {
				return
			}
			if next.version != w.version {
				w = next
				s.scene.set(w, media.Now())
				s.scene.look(media.Now())
			}
		case <-s.done:
			return
		}
	}
}

// begins tells whether frames are made: when somebody reads, and all sources have a picture or had their time.
func (s *session) begins(w wanted, now time.Duration) bool {
	switch {
	case s.scene.begun:
		return true
	case !s.isWanted():
		s.awaiting = now
		return false
	case s.Composer.wanted().version != w.version:
		return false // there is news, perhaps of the picture that was awaited
	}
	return s.scene.ready(s.ticker.at) || now-s.awaiting >= warmUp
}

// unwanted tells that nobody has read for a while. Who is awaited is given another session, which begins with a keyframe.
func (s *session) unwanted(now time.Duration) bool {
	switch {
	case s.isWanted():
		s.wanted = now
	case s.isAwaited():
		if s.scene.begun {
			return true
		}
		s.wanted = now
	}
	return now-s.wanted >= linger
}

func (s *session) isWanted() bool {
	return s.output.Wanted() || slices.ContainsFunc(s.renditions, func(r *rendition) bool { return r.output != nil && r.output.Wanted() })
}

// change makes more or less than before, as the machine can.
func (s *session) change(now time.Duration) {
	out := s.shed.effort()
	s.cfg.log().Warn("composing costs more than the machine has, or it has again", "fps", out.fps, "width", out.width, "height", out.height, "renditions", out.renditions)
	if err := s.main.change(out); err != nil { // the server ends
		s.cfg.log().Warn("composing", "error", err)
	}
	s.effort()
	s.ticker.skip()
	s.shed.pause(now)
}

// effort follows what the shedder wants.
func (s *session) effort() {
	out := s.shed.effort()
	s.ticker.step = time.Second / time.Duration(out.fps)
	for _, r := range s.renditions {
		r.offer(s.output, out.renditions)
	}
	s.mu.Lock()
	s.stats.Shed = s.shed.level
	s.mu.Unlock()
}

// paint makes the frame of a tick, unless the encoders have all they can take.
func (s *session) paint(at time.Duration) (made bool) {
	begin := time.Now()
	frame := s.main.canvas()
	if made = frame != nil; made {
		now := media.Now()
		// What is seen was captured between the tick before and this one, so that is when it is shown, give or take half a step.
		shown := at - s.ticker.step/2
		s.scene.paint(frame, at, now, s.levelsNow())
		for _, r := range s.renditions {
			made = r.send(frame, shown, now) && made
		}
		s.main.send(frame, shown)
	} else {
		s.scene.look(media.Now())
	}
	s.count(frame, made, time.Since(begin))
	return made
}

// count keeps the figures.
func (s *session) count(frame *paint.Frame, made bool, spent time.Duration) {
	out := s.main.effort
	c := s.Composer
	c.mu.Lock()
	defer c.mu.Unlock()
	st := &c.stats
	st.Running, st.Width, st.Height, st.FPS = true, out.width, out.height, out.fps
	st.Delay = s.scene.delay.now
	st.Busy += (spent.Seconds()*float64(out.fps) - st.Busy) / 32
	if frame != nil {
		st.Frames++
	}
	if !made {
		st.Skipped++
	}
	st.Restarts, st.Processes, st.Renditions = s.scene.restarts()+s.main.restarts(), st.Processes[:0], st.Renditions[:0]
	st.Processes = s.main.processes(st.Processes)
	problem := s.main.problem()
	for _, r := range s.renditions {
		if r.encoder == nil {
			continue
		}
		st.Renditions = append(st.Renditions, r.size)
		st.Restarts += r.encoder.restarts()
		st.Processes = r.encoder.processes(st.Processes)
		problem = errors.Join(problem, r.encoder.problem())
	}
	st.Processes = s.scene.processes(st.Processes)
	c.problem = errors.Join(s.scene.problem(), problem)
}
