# PostgreSQL 15 as an acknowledged write must meet it: fsync and synchronous commit on.

postgres_bin=/usr/lib/postgresql/15/bin
postgres_port=${HERALD_GROUND_POSTGRES_PORT:-$(ground_port postgres 25432)}
postgres_dir=$ground/postgres

postgres_install() {
  if [ ! -x "$postgres_bin/postgres" ] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  fi
  debian_packages postgresql-15 postgresql-client-15 util-linux
}

postgres_url() {
  echo "postgres://herald:herald@127.0.0.1:$postgres_port/herald"
}

# PostgreSQL refuses to run as root.
postgres_as_its_user() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --init-groups "$@"
  else
    "$@"
  fi
}

postgres_create() {
  [ ! -e "$postgres_dir/ready" ] || return 0
  rm -rf "$postgres_dir"
  mkdir -p "$postgres_dir"
  [ "$(id -u)" != 0 ] || chown postgres: "$postgres_dir"
  echo herald >"$postgres_dir/password"
  chmod 644 "$postgres_dir/password"
  (cd "$postgres_dir" && postgres_as_its_user "$postgres_bin/initdb" --pgdata="$postgres_dir/data" --username=herald \
    --pwfile="$postgres_dir/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --no-sync --no-instructions) >"$postgres_dir/initdb.log" 2>&1 || { cat "$postgres_dir/initdb.log"; return 1; }
  cat >>"$postgres_dir/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 512MB
max_connections = 200
max_wal_size = 2GB
timezone = 'UTC'
log_timezone = 'UTC'
CONF
  touch "$postgres_dir/ready"
}

postgres_launch() {
  postgres_create
  rm -f "$postgres_dir/data/postmaster.pid"
  local as=()
  [ "$(id -u)" != 0 ] || as=(setpriv --reuid=postgres --regid=postgres --init-groups)
  process_launch "$ground/postgres.pid" "$ground/postgres.log" \
    "${as[@]}" "$postgres_bin/postgres" -D "$postgres_dir/data" -p "$postgres_port"
}

postgres_query() {
  PGCONNECT_TIMEOUT=2 psql --no-psqlrc -qAt "$@" 2>/dev/null
}

postgres_answers() {
  [ "$(postgres_query "$(postgres_url)" -c 'select 1')" = 1 ] && return 0
  local maintenance="postgres://herald:herald@127.0.0.1:$postgres_port/postgres"
  [ "$(postgres_query "$maintenance" -c "select 1 from pg_database where datname = 'herald'")" = "" ] || return 1
  postgres_query "$maintenance" -c 'create database herald'
}

postgres_stop_signal=INT
