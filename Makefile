# The commands that people and CI type. `make` lists them.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
DIST := dist
# The target is named so that build scripts and procedural macros are not linked statically too.
STATIC_TARGET ?= $(shell rustc -vV | sed -n 's/^host: //p')
# Relocations packed: they are 400 KB otherwise.
STATIC_FLAGS := -C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs
STATIC_BINARY := target/$(STATIC_TARGET)/release/switchback
TOOLS := .tools
CARGO_DENY_VERSION := 0.20.2

.PHONY: help run demo test check fmt lint doc tidy deny advisories openapi telemetry-endurance package postgres binary

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  %-20s %s\n", $$1, $$2 }'

run: postgres binary ## the whole system on this machine, with a few callers; ARGS="--traffic 50/s --minute 2s" adds options
	$(STATIC_BINARY) dev --traffic 2/s $(ARGS)

demo: postgres binary ## the same in a hurry: minutes of two seconds, many callers, a slower arm; a recommendation within three minutes
	$(STATIC_BINARY) dev --minute 2s --traffic 200/s --slow odd=20ms $(ARGS)

test: postgres package ## every test, against a real PostgreSQL and real processes
	SWITCHBACK_PACKAGE="$(CURDIR)/$(DIST)/switchback-functions.zip" $(CARGO) test --locked

check: fmt lint doc deny ## formatting, lints, documentation, dependencies

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --all-targets -- --deny warnings

tidy: ## the rules that hold for every file
	$(CARGO) test --locked --test tidy

doc:
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --no-deps --document-private-items

deny: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

advisories: $(TOOLS)/bin/cargo-deny ## known vulnerabilities of dependencies (fetches the advisory database)
	$(TOOLS)/bin/cargo-deny --locked check advisories

# Built without optimisation: it runs for a second and compiles for minutes.
$(TOOLS)/bin/cargo-deny:
	$(CARGO) install cargo-deny --version $(CARGO_DENY_VERSION) --locked --profile dev --root $(TOOLS)

postgres: ## install PostgreSQL's server programs where they are missing
	@infra/scripts/postgres.sh

binary: ## the static program
	RUSTFLAGS="$(STATIC_FLAGS)" $(CARGO) build --release --locked --target $(STATIC_TARGET)

# BINARY names a static program that is there already, such as the one an image holds.
package: $(if $(BINARY),,binary) ## the Functions package: dist/switchback-functions.zip
	infra/scripts/need.sh zip unzip
	rm -rf $(DIST)/functions $(DIST)/switchback-functions.zip
	infra/container/package.sh $(or $(BINARY),$(STATIC_BINARY)) $(DIST)/functions
	cd $(DIST)/functions && zip --quiet --recurse-paths -X ../switchback-functions.zip .
	@echo "$(DIST)/switchback-functions.zip: $$(du -h $(DIST)/switchback-functions.zip | cut -f1)"

openapi: ## rewrite handler/http/openapi/openapi.json, the API's description
	UPDATE_OPENAPI=1 $(CARGO) test --locked --lib http::openapi::tests::the_document_is_the_one_that_is_kept

telemetry-endurance: ## ten minutes of load against ingestion services that fail: memory, calls, p99
	$(CARGO) test --release --locked --test telemetry -- --ignored --nocapture endurance

include make/*.mk
