#!/usr/bin/env bash
# Proves the api image without a container engine: buildah builds the Dockerfile's own final stage around a locally
# built static binary; the result is unpacked and run in a chroot, as the image's user, on a read-only root, against
# a real PostgreSQL that speaks TLS under a private authority. Needs root, buildah, PostgreSQL's server and openssl.
# usage: check.sh BINARY
set -euo pipefail
# shellcheck source=infra/container/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly max_binary_bytes=$((16 * 1000 * 1000)) max_image_bytes=$((17 * 1000 * 1000))
readonly uid=65532

# A port nobody answers on, below those the kernel hands out to clients.
free_port() {
  local port
  while port=$(shuf --input-range=20000-32000 --head-count=1) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  printf '%s\n' "$port"
}
api_port=$(free_port)
database_port=$(free_port)
url=http://127.0.0.1:$api_port

[[ $# -eq 1 && -x $1 ]] || fail "usage: check.sh BINARY (a static switchback)"
[[ $(id -u) -eq 0 ]] || fail "image-check mounts a read-only root and changes users: run it as root"
for program in buildah jq openssl setpriv chroot curl file; do
  command -v "$program" >/dev/null || fail "$program is missing"
done
postgres_programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[[ -x $postgres_programs/initdb ]] || fail "PostgreSQL's server programs are missing (package postgresql)"

work=$(mktemp -d /tmp/switchback-image.XXXXXX)
chmod 0711 "$work"
image=localhost/switchback-check:$$
api_pid=
container=

clean_up() {
  [[ -z $api_pid ]] || kill "$api_pid" 2>/dev/null || true
  if [[ -f $work/data/postmaster.pid ]]; then
    as_postgres "$postgres_programs/pg_ctl" -D "$work/data" -m immediate stop >/dev/null || true
  fi
  if mountpoint -q "$work/rootfs"; then umount "$work/rootfs" || true; fi
  [[ -z $container ]] || buildah rm "$container" >/dev/null || true
  buildah rmi --force "$image" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT

as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }

step() { printf '\n== %s\n' "$*"; }

# Waits until a command succeeds, at most ten seconds.
await() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  return 1
}

build_image() {
  step "build the final stage from scratch"
  local binary=$1 context=$work/context
  file -L "$binary" | grep -qE 'static(ally|-pie) linked' || fail "$binary is not static: $(file -L "$binary")"
  local program_bytes
  program_bytes=$(stat -L -c %s "$binary")
  ((program_bytes <= max_binary_bytes)) || fail "$binary holds $program_bytes bytes, more than $max_binary_bytes"
  mkdir "$context"
  cp "$binary" "$context/switchback"
  cp /etc/ssl/certs/ca-certificates.crt "$context/"
  # The very instructions of the Dockerfile, from its final stage on: only the place files are copied from changes.
  awk '/^FROM /{ours = ($0 == "FROM scratch AS api")} ours' "$root/infra/container/Dockerfile" |
    sed 's#^COPY --from=build /out/#COPY #' >"$context/Dockerfile"
  mapfile -t labels < <(label_arguments)
  buildah build --quiet --format docker --tag "$image" "${labels[@]}" "$context" >/dev/null

  local config
  config=$(buildah inspect --type image "$image" | jq --compact-output .Docker.config)
  for promise in "\"User\":\"$uid:$uid\"" '"Entrypoint":["/switchback"]' '"Cmd":["serve"]' \
    '"Test":["CMD","/switchback","health"]' '"org.opencontainers.image.revision":'; do
    [[ $config == *"$promise"* ]] || fail "the image's configuration lacks $promise: $config"
  done

  buildah push --quiet "$image" "oci-archive:$work/image.tar" >/dev/null
  container=$(buildah from --pull-never "$image")
  mkdir "$work/rootfs"
  cp -a "$(buildah mount "$container")/." "$work/rootfs/"
  buildah umount "$container" >/dev/null
  local bytes
  bytes=$(du -sb "$work/rootfs" | cut -f 1)
  printf 'files: %s\n' "$(cd "$work/rootfs" && find . -type f | sort | tr '\n' ' ')"
  printf 'size: %d bytes unpacked, %d bytes compressed\n' "$bytes" "$(stat -c %s "$work/image.tar")"
  ((bytes < max_image_bytes)) || fail "the image holds $bytes bytes, more than $max_image_bytes"
}

start_database() {
  step "start PostgreSQL with a certificate of a private authority"
  mkdir "$work/tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=switchback image check' \
    -keyout "$work/tls/authority.key" -out "$work/tls/authority.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
    -keyout "$work/tls/server.key" -out "$work/tls/server.csr" 2>/dev/null
  openssl x509 -req -in "$work/tls/server.csr" -days 2 -CA "$work/tls/authority.pem" -CAkey "$work/tls/authority.key" \
    -CAcreateserial -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n') \
    -out "$work/tls/server.pem" 2>/dev/null
  chmod 0755 "$work/tls"
  chmod 0600 "$work"/tls/*.key
  chown postgres "$work/tls/server.key"

  install -d -o postgres -m 0700 "$work/data"
  printf 'not-a-secret\n' >"$work/password"
  chown postgres "$work/password"
  as_postgres "$postgres_programs/initdb" -D "$work/data" -U switchback --auth=scram-sha-256 \
    --pwfile="$work/password" --encoding=UTF8 --locale=C >/dev/null
  # Plain connections are refused, so an answer is proof of TLS.
  printf 'hostssl all all 127.0.0.1/32 scram-sha-256\n' >"$work/data/pg_hba.conf"
  cat >>"$work/data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
port = $database_port
unix_socket_directories = ''
ssl = on
ssl_cert_file = '$work/tls/server.pem'
ssl_key_file = '$work/tls/server.key'
fsync = off
EOF
  as_postgres "$postgres_programs/pg_ctl" -D "$work/data" -l "$work/data/log" -w start >/dev/null
}

# Everything below runs what the image holds, the way an engine would: its user, a read-only root, no way to more rights.
in_image() { (exec_in_image "$@"); }
exec_in_image() {
  exec env -i \
    SWITCHBACK_ROLE=api SWITCHBACK_ARM=even PORT="$api_port" \
    SWITCHBACK_API_KEYS="check:write:$(printf 'check-key' | sha256sum | cut -d ' ' -f 1)" \
    DATABASE_URL="postgresql://switchback:not-a-secret@localhost:$database_port/switchback?sslmode=verify-full$trust" \
    "$(command -v setpriv)" --no-new-privs -- \
    "$(command -v chroot)" --userspec="$uid:$uid" --groups="$uid" "$work/rootfs" /switchback "$@"
}

mount_read_only_root() {
  # What an engine gives every container, devices and name resolution; and, as a volume, the test's own authority.
  mkdir -p "$work/rootfs/dev" "$work/rootfs/etc" "$work/rootfs/run/tls"
  mknod -m 666 "$work/rootfs/dev/null" c 1 3
  mknod -m 666 "$work/rootfs/dev/random" c 1 8
  mknod -m 666 "$work/rootfs/dev/urandom" c 1 9
  cp /etc/hosts /etc/resolv.conf "$work/rootfs/etc/"
  cp "$work/tls/authority.pem" "$work/rootfs/run/tls/"
  mount --bind "$work/rootfs" "$work/rootfs"
  mount -o remount,bind,ro "$work/rootfs"
  if touch "$work/rootfs/written" 2>/dev/null; then fail "the root file system can be written"; fi
}

run_image() {
  step "migrate and serve as user $uid on a read-only root"
  trust=
  if in_image migrate >"$work/log" 2>&1; then fail "a certificate of an unknown authority was accepted"; fi
  grep -qiE 'certificate|issuer' "$work/log" || fail "refused for another reason: $(cat "$work/log")"
  echo "refused without the authority's certificate: $(tail -n 1 "$work/log")"
  trust='&sslrootcert=/run/tls/authority.pem'
  in_image migrate
  exec_in_image serve >"$work/log" 2>&1 &
  api_pid=$!
  await curl --fail --silent "$url/api/health/ready" || { cat "$work/log" >&2; fail "the image did not become ready"; }
  kill -0 "$api_pid" || fail "the program is gone, and something else answers on port $api_port"
  curl --fail --silent --show-error --write-out '\n%{http_code}\n' "$url/api/health/ready"
  curl --fail --silent --show-error --header 'x-api-key: check-key' --write-out '\n' "$url/api/instance"

  local stranger served_by tls
  stranger=$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/api/instance")
  [[ $stranger == 401 ]] || fail "a caller without a key is answered with $stranger, not 401"
  served_by=$(awk '/^Uid:/{print $3}' "/proc/$api_pid/status")
  [[ $served_by == "$uid" ]] || fail "the program runs as user $served_by"
  tls=$(PGPASSWORD=not-a-secret PGSSLMODE=verify-full PGSSLROOTCERT="$work/tls/authority.pem" \
    psql --host=localhost --port="$database_port" --username=switchback --dbname=switchback --tuples-only --no-align \
    --command="select version || ' ' || count(*) from pg_stat_ssl join pg_stat_activity using (pid)
               where ssl and pid <> pg_backend_pid() and client_addr is not null group by version")
  [[ $tls == TLSv1.[23]\ [1-9]* ]] || fail "no connection of the program uses TLS: '$tls'"
  echo "database connections: $tls"

  in_image health || fail "the health check says no while the program serves"
  kill -TERM "$api_pid"
  wait "$api_pid" || fail "SIGTERM: exit code $?, expected 0"
  api_pid=
  if in_image health 2>/dev/null; then fail "the health check says yes with nothing there"; fi
  echo "drained on SIGTERM with exit code 0"
}

build_image "$1"
start_database
mount_read_only_root
trust=
PGPASSWORD=not-a-secret PGSSLMODE=verify-full PGSSLROOTCERT="$work/tls/authority.pem" \
  psql --quiet --host=localhost --port="$database_port" --username=switchback --dbname=postgres \
  --command='create database switchback'
run_image
printf '\nimage-check: passed\n'
