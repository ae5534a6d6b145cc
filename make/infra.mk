# Terraform: checked and planned without a cloud. Included by the Makefile.

.PHONY: infra-check infra-plan infra-mutants

infra-check: ## format, validate, test and scan infra/, and plan every preset
	infra/checks/terraform/check.sh check

infra-plan: ## print what each preset would make: arms, plans, names
	infra/checks/terraform/check.sh plan

infra-mutants: infra-check ## break each promise of infra/ once, and expect a red test
	infra/checks/terraform/mutants.sh
