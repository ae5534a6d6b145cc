#!/usr/bin/env bash
# Says which jobs of ci.yml a change needs, one line a job, as in `test=true`.
# usage: ci-plan.sh [BASE]     compares with the commit BASE; without one every job runs
#        ci-plan.sh --files    reads the changed files' names from standard input
set -euo pipefail

readonly jobs=(check test infrastructure delivery image)

# The jobs that a change of one file can turn red, beside `tidy`, which reads every file and always runs. A file nobody
# thought of runs them all.
jobs_of() {
  case $1 in
    docs/configuration.md) echo infrastructure delivery ;;
    *.md) echo delivery ;; # the az commands in them
    docs/*.svg | LICENSE) ;;
    handler/config/*) echo check test infrastructure image ;;
    functions/* | host.json | local.settings.example.json) echo check test delivery image ;;
    azure.yaml) echo infrastructure delivery ;;
    handler/* | Cargo.* | rust-toolchain.toml | askama.toml) echo check test image ;;
    tests/browser/* | tests/api/*) echo test delivery ;;
    tests/* | benches/* | fuzz/*) echo check test ;;
    clippy.toml | deny.toml | rustfmt.toml) echo check ;;
    infra/container/* | .dockerignore) echo test delivery image ;;
    infra/*.sh | infra/checks/*) echo infrastructure delivery ;;
    infra/*) echo infrastructure ;;
    .github/dependabot.yml | .github/zizmor.yml) echo delivery ;;
    *) echo "${jobs[@]}" ;;
  esac
}

plan() {
  local file job wanted=
  while IFS= read -r file; do wanted+=" $(jobs_of "$file") "; done
  for job in "${jobs[@]}"; do
    if [[ $wanted == *" $job "* ]]; then echo "$job=true"; else echo "$job=false"; fi
  done
}

if [[ ${1-} == --files ]]; then
  plan
elif [[ -z ${1-} ]]; then
  echo everything | plan
else
  git diff --name-only "$1...HEAD" | plan
fi
