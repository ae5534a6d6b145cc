# What things cost, beside others that do the same. Included by the Makefile.
# The program measured is the static one that is shipped.

BENCH = SWITCHBACK_BINARY="$(CURDIR)/$(STATIC_BINARY)" $(CARGO) bench --locked

.PHONY: bench bench-redirect bench-telemetry bench-metering bench-import bench-costs bench-pages instructions

bench: bench-redirect bench-telemetry bench-metering instructions ## the peers side by side

bench-redirect: binary ## the redirect beside nginx, HAProxy and a fixed answer, where they are installed; CONNECTIONS=64
	$(BENCH) --bench redirect -- $(or $(CONNECTIONS),64)

bench-telemetry: binary ## the redirect with telemetry off and on
	$(BENCH) --bench telemetry

bench-metering: binary ## what metering a call costs, beside the cheapest call there is
	$(BENCH) --bench metering

bench-import: ## an import of ROWS rows beside \copy into an equal table: time, memory, size, pages, DELETE
	$(CARGO) bench --locked --bench ledger -- import $(or $(ROWS),1000000)

bench-costs: ## questions about costs over ROWS rows beside the same sums in SQL
	$(CARGO) bench --locked --bench ledger -- costs $(or $(ROWS),5000000)

bench-pages: binary ## how long the pages take over a month of windows and ROWS charges
	$(BENCH) --bench pages -- $(or $(ROWS),1000000)

instructions: binary ## instructions per redirect by callgrind, within 3 % of benches/instructions.json; STORE=1 stores them
	infra/scripts/need.sh valgrind
	$(BENCH) --profile dev --bench redirect -- instructions $(if $(STORE),--store)
