//go:build !linux

package main

// restLonger does nothing here.
func restLonger() {}
