package api

import "net/http"

// Info tells clients what the server is and can do.
type Info struct {
	Version  string   `json:"version"`
	Dev      bool     `json:"dev"`
	Features Features `json:"features"`
	Ports    Ports    `json:"ports"`
	// Page is the address of the page in links that are shared, empty where it is the one that the page was opened at.
	Page string `json:"page,omitempty"`
	// Addresses are those to open the page at, the most useful first.
	Addresses []string `json:"addresses"`
	// RTMPHosts are hosts to give to an encoder.
	RTMPHosts []string `json:"rtmpHosts"`
	// CreateRooms is "anyone" or "key".
	CreateRooms string `json:"createRooms"`
	// RootCertificate is where the local root certificate is, empty when the operator has an own certificate.
	RootCertificate string `json:"rootCertificate,omitempty"`
}

// Features tells what is switched off, and why.
type Features struct {
	VideoConversion bool     `json:"videoConversion"`
	Reasons         []Reason `json:"reasons"`
}

// Reason is a stable code with an English sentence.
type Reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Ports are where the listeners are, 0 for one that is off.
type Ports struct {
	HTTP  int `json:"http"`
	HTTPS int `json:"https"`
	RTC   int `json:"webrtc"`
	// RTCTCP is WebRTC's TCP port; TURN serves STUN and TURN over UDP and TCP, TURNS TURN over TLS.
	RTCTCP int `json:"webrtcTcp"`
	TURN   int `json:"turn"`
	TURNS  int `json:"turns"`
	RTMP   int `json:"rtmp"`
	RTMPS  int `json:"rtmps"`
	SRT    int `json:"srt"`
}

func (a *API) getInfo(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, a.info) }
