# Redis 7 that keeps nothing: Herald may lose it at any time.

redis_port=${HERALD_GROUND_REDIS_PORT:-$(ground_port redis 26379)}

redis_install() {
  debian_packages redis-server redis-tools
}

redis_url() {
  echo "redis://127.0.0.1:$redis_port"
}

redis_launch() {
  mkdir -p "$ground/redis"
  process_launch "$ground/redis.pid" "$ground/redis.log" \
    redis-server --bind 127.0.0.1 --port "$redis_port" --dir "$ground/redis" --appendonly no --save '' --daemonize no
}

redis_answers() {
  [ "$(timeout 2 redis-cli -h 127.0.0.1 -p "$redis_port" ping 2>/dev/null)" = PONG ]
}

redis_stop_signal=TERM
