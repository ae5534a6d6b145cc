#!/usr/bin/env bash
# Builds one target of the Dockerfile with whichever builder works here: docker, podman or buildah.
# usage: build.sh api|functions IMAGE
set -euo pipefail
# shellcheck source=infra/container/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -eq 2 ]] || fail "usage: build.sh api|functions IMAGE"
stage=$1
image=$2
[[ $stage == api || $stage == functions ]] || fail "unknown target '$stage': api or functions"

mapfile -t labels < <(label_arguments)
dockerfile=$root/infra/container/Dockerfile

# A docker client without an engine is common (CI images, remote contexts), so ask the engine and not the PATH.
if docker info >/dev/null 2>&1; then
  docker build --target "$stage" --file "$dockerfile" --tag "$image" "${labels[@]}" "$root"
  size=$(docker image inspect --format '{{.Size}}' "$image")
elif podman info >/dev/null 2>&1; then
  # The docker format carries HEALTHCHECK; the OCI one has no place for it.
  podman build --format docker --target "$stage" --file "$dockerfile" --tag "$image" "${labels[@]}" "$root"
  size=$(podman image inspect --format '{{.Size}}' "$image")
elif command -v buildah >/dev/null; then
  buildah build --format docker --target "$stage" --file "$dockerfile" --tag "$image" "${labels[@]}" "$root"
  size=$(buildah images --json "$image" | sed -n 's/.*"size": "\(.*\)".*/\1/p' | head -n 1)
else
  fail "no builder works here: start docker, or install podman or buildah"
fi
printf '%s: %s %s\n' "$image" "$size" "$([[ $size =~ ^[0-9]+$ ]] && echo bytes)"
