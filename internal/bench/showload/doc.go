// Package showload runs a show whose program is composed: sources that flash and beep at the same moments come, go, vanish and come
// back, workers are killed, the layout changes; and a viewer checks that the program never stops and that it stays in step.
package showload
