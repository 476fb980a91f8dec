# Installs what is missing of the named Debian packages. Their services are not started: RUNLEVEL=1
# makes invoke-rc.d decline, so that nothing of ours ever listens on a well-known port.

debian_missing() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

debian_packages() {
  local missing
  mapfile -t missing < <(debian_missing "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  command -v apt-get >/dev/null || {
    echo "install these by hand, this is no Debian: ${missing[*]}" >&2
    return 1
  }
  echo "installing ${missing[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get -q -o DPkg::Lock::Timeout=300 update &&
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 \
      -o Dpkg::Options::=--force-confold install --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -40 "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
