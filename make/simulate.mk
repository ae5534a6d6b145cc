# How often reports err, of systems of which everything is known. Included by the Makefile.

.PHONY: simulate

# Linked quickly: what the release gains from one unit and fat LTO would be spent on building it.
simulate: ## what docs/report.md promises, counted in as many runs as it is promised for (minutes)
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		$(CARGO) test --release --locked --test simulation -- --ignored --nocapture
