# How often reports err, of systems of which everything is known. Included by the Makefile.

.PHONY: simulate

simulate: ## what docs/report.md promises, counted in as many runs as it is promised for (minutes)
	$(CARGO) test --release --locked --test simulation -- --ignored --nocapture
