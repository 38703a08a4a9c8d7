package fanout

import (
	"strings"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
)

// Codecs are what a player says that it takes beside H.264 and AAC, which all do. The zero value has said nothing.
type Codecs struct {
	said      bool
	hevc      bool
	oldHEVC   bool // H.265 under the number 12, as before enhanced RTMP
	av1, opus bool
}

// ParseCodecs reads a list of FourCCs as enhanced RTMP has them, separated by commas: avc1, hvc1, av01, mp4a, Opus, or * for all. "hevc" is H.265
// under the number 12, which is common in China. What we do not have is left out; an empty list says nothing.
func ParseCodecs(list string) Codecs {
	var c Codecs
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case "":
			continue
		case "*":
			c.hevc, c.av1, c.opus = true, true, true
		case "hvc1":
			c.hevc = true
		case "hevc":
			c.oldHEVC = true
		case "av01":
			c.av1 = true
		case "Opus":
			c.opus = true
		}
		c.said = true
	}
	c.oldHEVC = c.oldHEVC && !c.hevc // enhanced is better
	return c
}

// Or gives the other ones where nothing was said.
func (c Codecs) Or(other Codecs) Codecs {
	if c.said {
		return c
	}
	return other
}

// Share is what those who take these share of a program with others, so that a room has few streams however many wishes there are: AV1, Opus and
// H.265 by its number are left out while the program would not be given in them. Should they come later, they are converted; what cannot be is
// not left out. Nobody is given what it does not take, and what it is given now is what it would be given alone. conversion is that of Demand.
func (c Codecs) Share(p *program.Program, conversion error) Codecs {
	if !c.said {
		c = Codecs{hevc: true, av1: conversion != nil}
	}
	c.said = true
	picture, sound := p.Codecs(c.Demand(conversion))
	if conversion == nil && picture != media.NoCodec {
		c.oldHEVC = c.oldHEVC && picture == media.H265
		c.av1 = c.av1 && picture == media.AV1
	}
	c.opus = c.opus && (sound == media.Opus || sound == media.NoCodec)
	return c
}

// String names a form for those who take these.
func (c Codecs) String() string {
	if !c.said {
		return ""
	}
	name := " for"
	for _, one := range []struct {
		takes bool
		name  string
	}{{c.hevc, " hvc1"}, {c.oldHEVC, " hevc"}, {c.av1, " av01"}, {c.opus, " Opus"}} {
		if one.takes {
			name += one.name
		}
	}
	return name
}

// Demand is what such players take, where conversion is nil or says why pictures cannot be converted. Who says nothing is given H.265, and AV1
// only where it cannot be converted: few players know it, and mpegts.js fails at the frame headers of small spatial layers, in
// which browsers send it.
func (c Codecs) Demand(conversion error) program.Demand {
	d := program.Demand{Video: []media.Codec{media.H264}, Audio: []media.Codec{media.AAC}}
	if !c.said || c.hevc || c.oldHEVC {
		d.Video = append(d.Video, media.H265)
	}
	if c.av1 || !c.said && conversion != nil {
		d.Video = append(d.Video, media.AV1)
	}
	if c.opus {
		d.Audio = append(d.Audio, media.Opus)
	}
	return d
}
