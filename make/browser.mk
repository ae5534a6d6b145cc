# The dashboard in a real browser. Included by the Makefile.

.PHONY: browser-check

browser-check: postgres ## open the dashboard in a headless Chromium, and let a stranger's page try the ledger
	$(CARGO) build --locked
	tests/browser/check.sh target/debug/switchback
