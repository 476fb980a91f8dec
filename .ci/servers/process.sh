# Processes known by a file: "pid start-time". The start time (clock ticks since boot) tells a process
# of ours from a later one that was given the same number, so nothing foreign is ever signalled.

process_start_time() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- ${stat##*) }
  echo "${20}"
}

# process_pid FILE: prints the pid when the recorded process still lives.
process_pid() {
  local pid started
  { read -r pid started <"$1"; } 2>/dev/null || return 1
  [ "$(process_start_time "$pid")" = "$started" ] || return 1
  echo "$pid"
}

# process_launch FILE LOG COMMAND…: starts it in a session of its own and records it before it runs.
process_launch() {
  local file=$1 log=$2
  shift 2
  rm -f "$file"
  setsid bash -c '
    read -r stat </proc/$$/stat
    fields=(${stat##*) })
    echo "$$ ${fields[19]}" >"$0.new" && mv "$0.new" "$0"
    exec "$@"' "$file" "$@" </dev/null >>"$log" 2>&1 9>&- &
  until_true 5 test -s "$file"
}

# process_end FILE SIGNAL SECONDS: signals the process and its children, and waits until all are gone.
# TERM goes to the process alone, which ends its children itself; KILL goes to every one.
process_end() {
  local file=$1 signal=$2 seconds=$3 pid pids
  pid=$(process_pid "$file") || { rm -f "$file"; return 0; }
  pids=$pid
  if [ "$signal" = KILL ]; then
    kill -STOP "$pid" 2>/dev/null || true
    pids="$pid $(cat "/proc/$pid/task/"*/children 2>/dev/null || true)"
  fi
  kill -"$signal" $pids 2>/dev/null || true
  until_true "$seconds" processes_gone $pids || return 1
  rm -f "$file"
}

processes_gone() {
  local pid state
  for pid in "$@"; do
    state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) || continue
    [ -z "$state" ] || [ "$state" = Z ] || return 1
  done
}

# until_true SECONDS COMMAND…: repeats it until it succeeds; fails at the deadline.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}
