# Two commands do everything: `make run` and `make test`. Both install what the machine lacks (see scripts/need).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"
# As the binary is built, so that what is vetted and tested without the race detector is compiled once for all of them.
AS_BUILT := CGO_ENABLED=0 GOFLAGS=-trimpath
ARGS ?=
# How many packages are tested at once, and how many of a package's parallel tests: more than there are cores, since most of them wait for
# encoders, players and clocks.
PACKAGES := 3
WAITING := 6
# The whole server with real encoders and players, which go by the clock: nothing else runs beside.
WHOLE := ./cmd/tutti
# Sound is coded by packages that compute for one caller at a time and share nothing: what they read and write need not be watched, which takes most of
# the time of the tests in which something is heard.
UNWATCHED := github.com/thesyncim/gopus/... github.com/tphakala/go-aac/...
WATCHED := -race $(foreach packages,$(UNWATCHED),-gcflags=$(packages)=-race=false)
# What computes on one goroutine, without anything to race with: days of simulated networks. It is tested without the detector.
SIMULATIONS := ^TestScenario
RACE := CGO_ENABLED=1 scripts/gotest $(WATCHED) -vet=off -parallel $(WAITING) -timeout 30m -skip '$(SIMULATIONS)'
PLAIN := $(AS_BUILT) scripts/gotest -vet=off -parallel $(WAITING) -timeout 30m
# The packages that take longest begin first, so that none of them is waited for at the end.
LONGEST := ./internal/program ./internal/studio ./internal/codec ./internal/server/livekit ./internal/program/compose ./internal/sfu ./internal/mux/hls ./internal/record ./internal/rtc
# What has time until something else ends gives way to it.
MEANWHILE := nice -n 15

.PHONY: help run dev build web test test-go test-parts test-whole test-plain test-web test-e2e test-together test-measured test-long bench lint dist clean

help: ## Show what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## Build page and server, start it, print the addresses to open (ARGS="--flag ...")
	@scripts/need ffmpeg-optional
	@exec bin/tutti serve $(ARGS)

dev: build ## The same for trying things: loopback only, no keys needed
	@exec bin/tutti serve --dev $(ARGS)

build: web bin/tutti ## Build page and server into bin/tutti

.PHONY: bin/tutti
bin/tutti:
	@scripts/need go
	@CGO_ENABLED=0 go build $(GOFLAGS_BUILD) -o $@ ./cmd/tutti

# The page is built again only when its sources changed.
WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)

web: web/dist/index.html
web/dist/index.html: $(WEB_SOURCES) web/node_modules/.installed
	@cd web && npm run --silent build && touch dist/.gitkeep dist/index.html

web/node_modules/.installed: web/package-lock.json
	@scripts/need node
	@cd web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

test: ## All tests: Go with the race detector, page, browsers
	@$(MAKE) --no-print-directory -j 2 web compiled
	@$(MAKE) --no-print-directory -j 2 test-parts meanwhile
	@$(MAKE) --no-print-directory test-whole
	@$(MAKE) --no-print-directory test-together
	@$(MAKE) --no-print-directory test-measured

# While the page is built, most of what it is not embedded in.
.PHONY: compiled
compiled:
	@scripts/need go cc
	@CGO_ENABLED=1 go build $(WATCHED) ./internal/studio/... ./internal/bench/...

test-go: test-parts test-whole ## Go tests with the race detector

test-parts: ## The same of every package by itself
	@scripts/need go cc ffmpeg nginx coturn gstreamer versitygw
	$(RACE) -p $(PACKAGES) $(LONGEST) $$(go list ./... | grep -vE '($(WHOLE:.%=%)|/internal/sfu/bwe)$$')

test-whole: ## The same of the whole server
	@scripts/need go cc ffmpeg nginx coturn gstreamer
	$(RACE) $(WHOLE)

# What the packages' tests leave room for while they wait: all that browser tests need, one after the other, the page's checks, and the rest of Go's.
.PHONY: meanwhile
meanwhile:
	@scripts/need chromium firefox
	@$(MEANWHILE) $(MAKE) --no-print-directory browsers-ready
	@$(MEANWHILE) $(MAKE) --no-print-directory test-web
	@$(MEANWHILE) $(MAKE) --no-print-directory test-plain

test-plain: ## Vet, and the Go tests without the race detector: those of clients that race with themselves, and simulations
	@scripts/need go ffmpeg
	$(AS_BUILT) go vet ./...
	$(PLAIN) ./internal/server/livekit ./internal/sfu/bwe
	$(PLAIN) -run '$(SIMULATIONS)' ./internal/sfu

test-web: web/node_modules/.installed ## Type check and unit tests of the page
	cd web && npm run --silent check && npm test --silent

test-e2e: browsers-ready ## Browser tests; most files two at a time, those that measure alone
	@$(MAKE) --no-print-directory test-together
	@$(MAKE) --no-print-directory test-measured

.PHONY: browsers-ready
browsers-ready: build
	@scripts/need chromium firefox ffmpeg
	cd e2e && npm ci --no-audit --no-fund --loglevel=error && npm run --silent states

test-together test-measured:
	cd e2e && npm run --silent $@

test-long: build ## Browser tests that take their time: bandwidth over narrow ways (not part of `make test`)
	@scripts/need chromium ffmpeg
	cd e2e && npm ci --no-audit --no-fund --loglevel=error && npm run test-long --silent

bench: build ## Micro benchmarks and whole-server figures
	go test -run '^$$' -bench . -benchtime 0.5s ./internal/...
	bin/tutti bench live
	bin/tutti bench rtc

lint: ## Formatting, vet, module hygiene
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(AS_BUILT) go vet ./...
	go mod verify

DIST := linux-amd64 linux-arm64 darwin-arm64
dist: web ## Release archives with checksums into dist/
	@scripts/need go
	@mkdir -p dist && rm -f dist/*
	@for target in $(DIST); do \
	  os=$${target%-*}; arch=$${target#*-}; name=tutti-$(VERSION)-$$target; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build $(GOFLAGS_BUILD) -o dist/$$name/tutti ./cmd/tutti; \
	  cp README.md README.zh-CN.md LICENSE THIRD_PARTY_NOTICES.md dist/$$name/; \
	  tar -C dist -czf dist/$$name.tar.gz $$name; rm -r dist/$$name; \
	done
	@cd dist && sha256sum *.tar.gz > SHA256SUMS && cat SHA256SUMS

clean: ## Remove what was built
	rm -rf bin dist web/node_modules e2e/node_modules e2e/out
	find web/dist -mindepth 1 ! -name .gitkeep -delete
