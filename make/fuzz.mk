# The parsers, fed with what nobody would write. Included by the Makefile.

CARGO_FUZZ_VERSION := 0.13.2
# Seconds a target is searched for.
FUZZ_SECONDS ?= 120
FUZZ_TARGETS ?= $(notdir $(wildcard fuzz/corpus/*))
FUZZ_FOUND := target/fuzz/found

.PHONY: fuzz fuzz-smoke

fuzz-smoke: ## every parser on its corpus and on damage to it, in seconds
	$(CARGO) test --locked --test fuzz

# Without AddressSanitizer: the program has no unsafe code, and the search is twice as fast.
fuzz: $(TOOLS)/bin/cargo-fuzz ## search each parser for faults by coverage (nightly); FUZZ_SECONDS=600 FUZZ_TARGETS="focus query" choose
	@for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_FOUND)/$$target; \
		echo "fuzz: $$target for $(FUZZ_SECONDS) s from $$(date -u +%FT%TZ)"; \
		PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" nice -n 19 cargo +nightly fuzz run --sanitizer none --target-dir target/fuzz \
			$$target $(FUZZ_FOUND)/$$target fuzz/corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1; \
	done

$(TOOLS)/bin/cargo-fuzz:
	$(CARGO) install cargo-fuzz --version $(CARGO_FUZZ_VERSION) --locked --profile dev --root $(TOOLS)
