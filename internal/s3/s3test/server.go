// Package s3test is a server for tests that keeps a bucket in memory and speaks as much of S3's protocol as package s3 uses.
package s3test

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server has one bucket, "bucket".
type Server struct {
	*httptest.Server
	// Fail gives the status with which a request fails, 0 for none; nil lets all succeed. It is set before the first request.
	Fail func(r *http.Request) int

	mu      sync.Mutex
	objects map[string][]byte
	uploads map[string]map[int][]byte
	made    int
}

// New starts a server. The caller closes it.
func New() *Server {
	s := &Server{objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}}
	s.Server = httptest.NewServer(s)
	return s
}

// Objects are the names of what is in the bucket, and how many uploads in pieces are open.
func (s *Server) Objects() (names []string, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects)), len(s.uploads)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Fail != nil {
		if status := s.Fail(r); status != 0 {
			refuse(w, status, "InternalError")
			return
		}
	}
	body, err := payload(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if bucket != "bucket" {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := r.URL.Query().Get("uploadId"); id != "" {
		s.serveUpload(w, r, key, id, body)
		return
	}
	object, there := s.objects[key]
	switch {
	case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
		s.made++
		id := fmt.Sprint("upload-", s.made)
		s.uploads[id] = map[int][]byte{}
		answer(w, "InitiateMultipartUploadResult", fmt.Sprintf("<Bucket>bucket</Bucket><Key>%s</Key><UploadId>%s</UploadId>", key, id))
	case r.Method == http.MethodPut:
		s.objects[key] = body
		w.Header().Set("ETag", `"x"`)
	case !there:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("ETag", `"x"`)
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(object))
	}
}

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, key, id string, body []byte) {
	parts, there := s.uploads[id]
	if !there {
		refuse(w, http.StatusNotFound, "NoSuchUpload")
		return
	}
	switch r.Method {
	case http.MethodPut:
		n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		parts[n] = body
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
	case http.MethodGet: // a part a page
		after, _ := strconv.Atoi(r.URL.Query().Get("part-number-marker"))
		var text string
		for _, n := range slices.Sorted(maps.Keys(parts)) {
			if n > after {
				text = fmt.Sprintf("<NextPartNumberMarker>%d</NextPartNumberMarker><IsTruncated>true</IsTruncated><Part><PartNumber>%d</PartNumber><ETag>\"%d\"</ETag><Size>%d</Size></Part>", n, n, n, len(parts[n]))
				break
			}
		}
		answer(w, "ListPartsResult", text)
	case http.MethodPost:
		var asked struct {
			Part []struct{ PartNumber int }
		}
		if xml.Unmarshal(body, &asked) != nil || len(asked.Part) != len(parts) {
			refuse(w, http.StatusBadRequest, "InvalidPart")
			return
		}
		var whole []byte
		for _, p := range asked.Part {
			whole = append(whole, parts[p.PartNumber]...)
		}
		s.objects[key] = whole
		delete(s.uploads, id)
		answer(w, "CompleteMultipartUploadResult", fmt.Sprintf("<Bucket>bucket</Bucket><Key>%s</Key><ETag>\"x\"</ETag>", key))
	case http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

// payload reads a body, also one that is signed piece by piece.
func payload(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return io.ReadAll(r.Body)
	}
	var all []byte
	in := bufio.NewReader(r.Body)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 32)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return all, nil
		}
		piece := make([]byte, n+2)
		if _, err := io.ReadFull(in, piece); err != nil {
			return nil, err
		}
		all = append(all, piece[:n]...)
	}
}

func answer(w http.ResponseWriter, name, inner string) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%s>`, name, inner, name)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
}
