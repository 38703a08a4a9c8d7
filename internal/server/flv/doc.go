// Package flv is the door for players of HTTP-FLV: GET /live/{room}.flv. How a program gets to many viewers is package fanout's matter.
package flv
