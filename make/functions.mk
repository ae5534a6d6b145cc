# The package under the Functions host of this machine. Included by the Makefile.

# Settings of one's own, never committed; made from the example where there are none.
LOCAL_SETTINGS ?= local.settings.json

.PHONY: func core-tools

func: core-tools package ## run the package under the Functions host here; ARGS="--port 7072" adds options
	test -e $(LOCAL_SETTINGS) || cp local.settings.example.json $(LOCAL_SETTINGS)
	cp $(LOCAL_SETTINGS) $(DIST)/functions/local.settings.json
	cd $(DIST)/functions && func start $(ARGS)

core-tools:
	@infra/scripts/core-tools.sh
