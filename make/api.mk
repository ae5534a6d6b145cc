# The API against its own description. Included by the Makefile.

API_TOOLS := .venv-api/.installed

.PHONY: api-check

# Not everything the document allows is accepted (a FOCUS file, a range whose end comes first), so positive_data_acceptance is left out.
api-check: postgres $(API_TOOLS) ## call an arm in every way its OpenAPI document allows and many that it does not: no 5xx, each answer as described
	$(CARGO) build --locked
	tests/api/check.sh target/debug/switchback .venv-api/bin/schemathesis

$(API_TOOLS): tests/api/requirements.txt
	infra/scripts/need.sh python3
	python3 -m venv .venv-api
	.venv-api/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
