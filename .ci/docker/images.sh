# Stand-ins for the public images that docker-compose.yml, deploy/Dockerfile and the tests name, under the same tags,
# from Debian's packages, Maven's jars and npm: for machines that reach no image registry. Built once; an image that
# is there already, from a registry or from here, is left alone.

images_dir=$here/docker

image_exists() {
  docker image inspect "$1" >/dev/null 2>&1
}

image_debian() {
  image_exists debian:bookworm-slim && return 0
  echo "building debian:bookworm-slim"
  local root
  root=$(mktemp -d /var/tmp/herald-bookworm.XXXXXX)
  debootstrap --variant=minbase bookworm "$root" >"$root.log" 2>&1 || { tail -20 "$root.log"; return 1; }
  cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/" 2>/dev/null && : >"$root/etc/apt/sources.list"
  rm -rf "$root/var/cache/apt/archives/"*.deb "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale"
  tar -C "$root" -c . | docker import - debian:bookworm-slim >/dev/null
  rm -rf "$root" "$root.log"
}

# image_build TAG CONTEXT
image_build() {
  echo "building $1"
  local log
  log=$(mktemp)
  DOCKER_BUILDKIT=0 docker build --network host -t "$1" "$2" >"$log" 2>&1 || { tail -40 "$log"; return 1; }
  rm -f "$log"
}

# image_with TAG FOLDER COMMAND…: a context made of the folder and what the command puts into it.
image_with() {
  local tag=$1 folder=$2 context
  shift 2
  image_exists "$tag" && return 0
  image_debian
  context=$(mktemp -d)
  cp -r "$images_dir/$folder/." "$context"
  "$@" "$context"
  image_build "$tag" "$context"
  rm -rf "$context"
}

nothing_more() { :; }

# Node and npm as packages of npm; the machine's certificate authorities, since npm runs inside.
node_files() {
  (cd "$1" && npm install --silent --no-package-lock --no-audit --no-fund </dev/null)
  cp /etc/ssl/certs/ca-certificates.crt "$1/"
}

kafka_files() {
  kafka_install
  mkdir -p "$1/libs"
  cp "$kafka_jars"/*.jar "$1/libs/"
  cp "$here/servers/kafka/log4j2.properties" "$1/"
}

images_build() {
  image_with node:24-bookworm-slim node node_files
  image_with postgres:17 postgres nothing_more
  image_with redis:7 redis nothing_more
  image_with apache/kafka:4.2.0 kafka kafka_files
  image_with nginx:1.28 nginx nothing_more
}
