# Kafka 4.2: one node that is broker and controller (KRaft), its jars from Maven, run by the machine's Java.

kafka_version=4.2.0
kafka_port=${HERALD_GROUND_KAFKA_PORT:-$(ground_port kafka 29092)}
kafka_dir=$ground/kafka
kafka_jars=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/herald-ground/kafka-$kafka_version
kafka_here=$here/servers/kafka

kafka_install() {
  local missing=()
  command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
  if [ ! -e "$kafka_jars/complete" ]; then
    command -v mvn >/dev/null || missing+=(maven)
    debian_packages "${missing[@]}"
    echo "fetching the jars of Kafka $kafka_version"
    rm -rf "$kafka_jars"
    mkdir -p "$kafka_jars"
    mvn -B -q -f "$kafka_here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      "-DoutputDirectory=$kafka_jars" >"$kafka_jars/maven.log" 2>&1 </dev/null || { cat "$kafka_jars/maven.log"; return 1; }
    touch "$kafka_jars/complete"
  fi
  debian_packages "${missing[@]}"
}

kafka_url() {
  echo "127.0.0.1:$kafka_port"
}

# Small indexes and one thread where the defaults assume a big machine: tests make topics by the hundred.
kafka_create() {
  [ ! -e "$kafka_dir/ready" ] || return 0
  rm -rf "$kafka_dir"
  mkdir -p "$kafka_dir"
  cat >"$kafka_dir/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((kafka_port + 1))
listeners=PLAINTEXT://127.0.0.1:$kafka_port,CONTROLLER://127.0.0.1:$((kafka_port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$kafka_port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$kafka_dir/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
log.index.size.max.bytes=1048576
log.cleaner.dedupe.buffer.size=8388608
log.retention.hours=24
num.network.threads=2
num.io.threads=4
file.delete.delay.ms=1000
CONF
  kafka_java -Xmx128m kafka.tools.StorageTool format --cluster-id SGVyYWxkR3JvdW5kMDAwMA --config "$kafka_dir/server.properties" \
    >"$kafka_dir/format.log" 2>&1 || { cat "$kafka_dir/format.log"; return 1; }
  touch "$kafka_dir/ready"
}

kafka_java() {
  java -cp "$kafka_jars/*" "-Dlog4j2.configurationFile=$kafka_here/log4j2.properties" "$@"
}

kafka_launch() {
  kafka_create
  rm -f "$kafka_dir/data/.lock"
  process_launch "$ground/kafka.pid" "$ground/kafka.log" \
    java -Xms256m -Xmx"${HERALD_GROUND_KAFKA_HEAP:-512m}" -XX:+UseG1GC -cp "$kafka_jars/*" \
    "-Dlog4j2.configurationFile=$kafka_here/log4j2.properties" kafka.Kafka "$kafka_dir/server.properties"
}

# Asks for the broker's API versions (request 18, version 0, correlation 7, no client id): the port alone
# opens before the broker serves.
kafka_answers() {
  local answer
  answer=$(timeout 2 bash -c '
    exec 3<>"/dev/tcp/127.0.0.1/$0" &&
      printf "\0\0\0\012\0\022\0\0\0\0\0\007\377\377" >&3 && head -c 8 <&3 | od -An -tx1 -j4' "$kafka_port" 2>/dev/null)
  [ "$answer" = " 00 00 00 07" ]
}

kafka_stop_signal=TERM
