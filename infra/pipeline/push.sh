#!/usr/bin/env bash
# Pushes a built image, names the package after its release, and records both in dist/release.json: the image by its
# digest, so that what was tested is what runs, whatever happens to the tag.
# usage: push.sh REGISTRY RELEASE PACKAGE (the image is switchback:RELEASE, built by `make image`)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dist=${DIST:-$(dirname "$here")/dist}
# shellcheck source=infra/shell/azure.sh
source "$here/shell/azure.sh"

[[ $# -eq 3 ]] || fail "usage: push.sh REGISTRY RELEASE PACKAGE"
registry=$1 release=$2 package=$3
[[ $registry =~ ^[a-z0-9]{5,50}\.azurecr\.io$ ]] || fail "'$registry' is no registry such as NAME.azurecr.io"
[[ $release =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,60}$ ]] || fail "'$release' can't be a tag"
[[ -f $package ]] || fail "$package is missing"
need_programs az docker jq

change acr login --name "${registry%%.*}"
image=$registry/switchback:$release
docker tag "switchback:$release" "$image"
docker push --quiet "$image"
digest=$(docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$image" |
  sed -n "s#^$registry/switchback@##p" | head -n 1)
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "the registry gave no digest for $image"

kept=switchback-$release.zip
[[ $package -ef $dist/$kept ]] || cp "$package" "$dist/$kept"
jq --null-input --arg release "$release" --arg image "switchback@$digest" --arg package "$kept" '$ARGS.named' |
  tee "$dist/release.json"
