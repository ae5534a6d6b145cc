# The system under callers, imports and faults. Included by the Makefile.

.PHONY: soak faults

soak: postgres binary ## half an hour of callers, imports and faults, and the books afterwards; MINUTES=2 SEED=307 choose
	SWITCHBACK_BINARY="$(CURDIR)/$(STATIC_BINARY)" MINUTES="$(MINUTES)" SEED="$(SEED)" \
		$(CARGO) test --locked --test soak -- --ignored --nocapture

faults: postgres ## every fault of docs/reliability.md, those that take minutes included
	$(CARGO) test --locked --test faults -- --include-ignored --nocapture
