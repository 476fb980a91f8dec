# The Docker engine, started if it doesn't answer. No registry is reached: images.sh builds what is named.

engine_install() {
  debian_packages docker.io debootstrap docker-compose
}

engine_answers() {
  timeout 10 docker info >/dev/null 2>&1
}

engine_start() {
  engine_answers && return 0
  engine_install
  [ -e /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null && rm -f /var/run/docker.pid
  setsid dockerd </dev/null >>/var/log/herald-dockerd.log 2>&1 &
  local deadline=$((SECONDS + 60))
  until engine_answers; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      echo "the Docker engine does not answer; the end of its log:" >&2
      tail -20 /var/log/herald-dockerd.log >&2
      return 1
    fi
    sleep 0.5
  done
}
