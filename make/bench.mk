# What things cost, beside others that do the same. Included by the Makefile.
# The program measured is the static one that is shipped.

BENCH = SWITCHBACK_BINARY="$(CURDIR)/$(STATIC_BINARY)" $(CARGO) bench --locked

# Where the API's peer is installed: FastAPI with the fastest loop, parser and driver there are for it.
PEER_PYTHON := $(TOOLS)/peer/bin/python
PEER_PACKAGES := fastapi==0.165.0 uvicorn==0.54.0 asyncpg==0.32.0 uvloop==0.23.0 httptools==0.9.0

.PHONY: bench bench-redirect bench-api bench-telemetry bench-metering bench-import bench-costs bench-report bench-pages instructions

bench: bench-redirect bench-api bench-import bench-report bench-telemetry bench-metering instructions ## the peers side by side

bench-redirect: binary ## the redirect beside nginx, HAProxy and a fixed answer, where they are installed; CONNECTIONS=64
	$(BENCH) --bench redirect -- $(or $(CONNECTIONS),64)

bench-api: binary $(PEER_PYTHON) ## the API's answers beside FastAPI with asyncpg, by CPU
	SWITCHBACK_PEER_PYTHON="$(CURDIR)/$(PEER_PYTHON)" $(BENCH) --bench api

$(PEER_PYTHON):
	python3 -m venv $(TOOLS)/peer
	$(TOOLS)/peer/bin/pip install --quiet --disable-pip-version-check $(PEER_PACKAGES)

bench-telemetry: binary ## the redirect with telemetry off and on
	$(BENCH) --bench telemetry

bench-metering: binary ## what metering a call costs, beside the cheapest call there is
	$(BENCH) --bench metering

bench-import: ## an import of ROWS rows beside \copy into an equal table: time, memory, size, pages, DELETE
	$(CARGO) bench --locked --bench ledger -- import $(or $(ROWS),1000000)

bench-costs: ## questions about costs over ROWS rows beside the same sums in SQL
	$(CARGO) bench --locked --bench ledger -- costs $(or $(ROWS),5000000)

bench-report: ## three reports over a year of windows, one after the other, under each schedule: time and memory
	for year in a_year_of_windows a_mirrored_year a_random_year; do $(CARGO) test --release --locked --lib -- --ignored --nocapture $$year; done

bench-pages: binary ## how long the pages take over a month of windows and ROWS charges
	$(BENCH) --bench pages -- $(or $(ROWS),1000000)

instructions: binary ## instructions per redirect by callgrind, within 3 % of benches/instructions.json; STORE=1 stores them
	infra/scripts/need.sh valgrind
	$(BENCH) --profile dev --bench redirect -- instructions $(if $(STORE),--store)
