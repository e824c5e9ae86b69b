# Two commands matter: `make demo` and `make test`. Each installs what it needs on a fresh Debian or Ubuntu with only
# Rust and Node, says what it is doing on standard error, and takes seconds the second time.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := demo
.PHONY: demo test fuzz lint bench screenshots build native test-native rust-lint web-lint tidy print-binary

say = echo "==> $(1)" >&2

# `=` and not `:=`: asked only when a recipe needs it, and it follows CARGO_TARGET_DIR.
target = $(shell cargo metadata --format-version 1 --no-deps | node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')
programs = $(target)/release
binary = $(programs)/consilium
# Shows figures and keeps them by date.
into = tee benches/results/$(shell date -u +%F)

# nasm makes openh264 three times faster, cmake builds libopus, libssl speaks DTLS.
native-packages := build-essential cmake nasm pkg-config libssl-dev
# The third parties: two browsers, GStreamer; and what the network namespaces are made with.
test-packages := chromium firefox-esr fonts-noto-cjk pulseaudio \
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad \
  gstreamer1.0-plugins-ugly gstreamer1.0-nice gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0 python3-gi \
  python3-venv iproute2 iptables util-linux

web-sources = $(shell find web-client -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

## demo: builds everything and runs one room with three invented sites; prints one link per role
## (flags for it: make demo FLAGS="--http 127.0.0.1:9000")
demo: build
	@$(call say,starting the demo; Ctrl-C ends it)
	@exec "$(binary)" demo $(FLAGS)

## test: everything, and one line with the sum
test: native test-native web-client/node_modules/.installed tests/browser/node_modules/.installed web-client/dist/index.html .venv/.installed
	@scripts/test

## fuzz: bends what every parser reads, with new dice: 15 s for each, five minutes (longer: make fuzz FLAGS=600, seconds for each)
## In `make test` the same tests play a few thousand rounds with dice that never change.
fuzz: native web-client/dist/index.html
	@$(call say,bending what the network may send)
	@FUZZ_SECONDS="$(or $(FLAGS),15)" FUZZ_SEED="$$(date +%s)000000" RUST_BACKTRACE=0 \
	  cargo test --release --no-fail-fast -p signaling -p media -p server --lib --test noise --test hostile -- \
	  hostile_ --test-threads=1 >&2

## lint: formatting, clippy, types, eslint, the house rules, licenses and advisories
lint: rust-lint web-lint tidy

## bench: what it costs; figures go to benches/results (other servers: make bench PEERS=..., see benches/README.md)
bench: build test-native tests/browser/node_modules/.installed .venv/.installed
	@cargo build --release --quiet -p benches >&2
	@$(call say,playing lines of all kinds in virtual time, with more seeds than the tests)
	@ESTIMATE_SEEDS=1000 cargo test --release --quiet -p media --lib estimate -- --nocapture | grep '^|' | $(into)-estimate.md >&2
	-@SIMULATION_SEEDS=20 cargo test --release --quiet -p tests --test simulation a_feed_and_a_voice -- --nocapture | grep '^|' | $(into)-freezes.md >&2
	-@SIMULATION_SEEDS=20 cargo test --release --quiet -p tests --test simulation twelve_slots -- --nocapture | grep '^|' | $(into)-slots.md >&2
	@$(call say,measuring the delay from glass to glass)
	@cd tests/browser && CONSILIUM="$(binary)" npm run --silent delay >&2
	@$(call say,measuring a picture and a voice over bad lines)
	@cd tests/browser && CONSILIUM="$(binary)" START="$(LINES_START)" PEERS="$(LINES_PEERS)" npm run --silent lines >&2
	@$(call say,measuring what a thousand joins leave behind)
	@"$(programs)/bench-churn" >&2
	@$(call say,measuring a thousand joins in a minute while others watch)
	@"$(programs)/bench-churn" storm | $(into)-joins.md >&2
	@$(call say,measuring a room of a thousand on two workers)
	@"$(programs)/bench-churn" storm 100 20 1000 2 2 | $(into)-two-workers.md >&2
	@$(call say,measuring what a control message waits behind a fan-out)
	@"$(programs)/bench-control" | $(into)-control.md >&2
	@$(call say,measuring how a crowd gets its picture back after a hiccup)
	@"$(programs)/bench-hiccup" | $(into)-hiccup.md >&2
	@$(call say,measuring the fan-out: five rounds of all servers)
	@PEERS="$(PEERS)" "$(programs)/bench-fanout" | $(into)-fanout.md >&2

## screenshots: every page in every size and language, and the README's picture
screenshots: build test-native tests/browser/node_modules/.installed .venv/.installed
	@cd tests/browser && CONSILIUM="$(binary)" npm run --silent screenshots >&2

build: native web-client/dist/index.html
	@$(call say,building the server (the first time takes minutes: about 400 crates))
	@cargo build --release -p server --bin consilium >&2

rust-lint: native web-client/dist/index.html
	@$(call say,cargo fmt)
	@cargo fmt --all --check >&2
	@$(call say,cargo clippy)
	@cargo clippy --release --workspace --all-targets -- -D warnings >&2
	@if cargo deny --version >/dev/null 2>&1; then $(call say,cargo deny); cargo deny check >&2; \
	  else $(call say,cargo-deny is not installed: licenses and advisories are not checked); fi

# In `make test` this is one of the Rust tests.
tidy: native
	@$(call say,the house rules)
	@cargo test --release --quiet -p tests --test tidy >&2

web-lint: web-client/node_modules/.installed
	@$(call say,tsc and eslint)
	@cd web-client && npm run --silent lint >&2

print-binary:
	@echo "$(binary)"

# cargo does not notice nasm appearing after openh264 was built without it, so that build is thrown away.
native:
	@scripts/need $(native-packages)
	@command -v nasm >/dev/null || { echo "nasm is missing: without it video encoding is three times slower" >&2; exit 1; }
	@if grep -qs 'Failed to compile NASM' "$(target)"/release/build/openh264-sys2-*/output; then \
	  $(call say,openh264 was built without nasm: again); cargo clean --release -p openh264-sys2 >&2; fi

test-native:
	@scripts/need $(test-packages)

%/node_modules/.installed: %/package-lock.json
	@$(call say,installing the packages of $*)
	@cd $* && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error >&2
	@touch $@

web-client/dist/index.html: web-client/node_modules/.installed $(web-sources)
	@$(call say,building the web client)
	@cd web-client && npm run --silent build >&2
	@touch $@

.venv/.installed: tests/browser/requirements.txt
	@$(call say,installing FFmpeg for the tests)
	@python3 -m venv .venv >&2
	@.venv/bin/pip install --quiet --disable-pip-version-check -r $< >&2
	@touch $@
