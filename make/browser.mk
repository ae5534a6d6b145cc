# The site in a real browser, commands in a real terminal. Included by the Makefile.

BROWSER_TOOLS := .venv-browser/.installed

.PHONY: browser-check terminal-check screenshots

browser-check: postgres $(BROWSER_TOOLS) ## every page in a headless Chromium: widths, dark, axe-core, sign-in, upload; and let a stranger's page try the ledger
	$(CARGO) build --locked
	tests/browser/check.sh target/debug/switchback
	tests/browser/site.sh target/debug/switchback .venv-browser

terminal-check: postgres ## commands in a terminal of 80 columns, by tmux: tables, a live table, a progress bar, NO_COLOR
	$(CARGO) build --locked
	tests/terminal/check.sh target/debug/switchback

screenshots: postgres $(BROWSER_TOOLS) ## the pictures of docs/tour.md, from a system that runs for them
	$(CARGO) build --locked
	tests/browser/screenshots.sh target/debug/switchback .venv-browser docs/pictures

$(BROWSER_TOOLS): tests/browser/package.json
	infra/scripts/need.sh npm
	mkdir -p .venv-browser && cp tests/browser/package.json .venv-browser/
	npm install --prefix .venv-browser --silent --no-audit --no-fund --no-package-lock
	touch $@
