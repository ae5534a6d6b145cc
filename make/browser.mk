# The dashboard in a real browser. Included by the Makefile.

.PHONY: browser-check

browser-check: postgres ## open the dashboard in a headless Chromium, where one is installed
	$(CARGO) build --locked
	tests/browser/check.sh target/debug/switchback
