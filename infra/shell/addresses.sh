# shellcheck shell=bash
# Where this machine calls from, as Azure sees it. Sourced, never run.

# Asks a public service for this machine's address.
own_address() {
  local address
  address=$(curl --silent --show-error --fail --max-time 10 https://api.ipify.org) || return
  [[ $address =~ ^[0-9]{1,3}(\.[0-9]{1,3}){3}$ ]] || return
  printf '%s\n' "$address"
}

# usage: as_number ADDRESS
as_number() {
  local parts
  IFS=. read -ra parts <<<"$1"
  printf '%d\n' $(((parts[0] << 24) + (parts[1] << 16) + (parts[2] << 8) + parts[3]))
}

# usage: in_range ADDRESS CIDR, both IPv4
in_range() {
  local address range mask=$((32 - ${2#*/}))
  address=$(as_number "$1")
  range=$(as_number "${2%/*}")
  ((address >> mask == range >> mask))
}
