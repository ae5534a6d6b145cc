# shellcheck shell=bash
# What the container scripts share. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The --build-arg options that fill in the OCI labels, one word a line.
label_arguments() {
  local version revision created source
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
  revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)
  # The commit's own time, not now: the same commit gives the same image.
  created=$(TZ=UTC git -C "$root" log -1 --date='format-local:%Y-%m-%dT%H:%M:%SZ' --format=%cd 2>/dev/null || echo 1970-01-01T00:00:00Z)
  source=${GITHUB_SERVER_URL:-}${GITHUB_REPOSITORY:+/$GITHUB_REPOSITORY}
  printf -- '--build-arg\nVERSION=%s\n--build-arg\nREVISION=%s\n--build-arg\nCREATED=%s\n--build-arg\nSOURCE=%s\n' \
    "$version" "$revision" "$created" "${source:-unknown}"
}
