# Sourced by every script of this directory: versions, places, ports.
SERVERS_OPENSEARCH="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
. "$SERVERS_OPENSEARCH/../java.sh"
opensearch_version=3.6.0
security_version=3.4.0.0  # the newest security plugin that is published to Maven; it runs on this server once its descriptor says so
# The server refuses uid 0. Root runs it as another uid of a user namespace, which keeps the rights on files; where no namespace can be
# made, as nobody, and then away from root's own directory.
run_as=()
if [ "$(id -u)" = 0 ]; then
  run_as=(unshare --user --map-user=1000 --map-group=1000)
  if [ "${OPENSEARCH_TEST_AS:-}" = nobody ] || ! "${run_as[@]}" true 2>/dev/null; then
    run_as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    : "${OPENSEARCH_TEST_HOME:=/var/tmp/plumbline-test/opensearch}"
  fi
fi
: "${OPENSEARCH_TEST_HOME:=$SERVERS_CACHE/opensearch}"           # jars, configuration, data and logs: all it ever writes
: "${OPENSEARCH_TEST_PORT:=19200}"                               # the open node; +10 the secure one; +100 of each for transport
: "${OPENSEARCH_TEST_PLUGINS=job-scheduler,knn,neural}"          # of the open node; ml too if asked for
: "${OPENSEARCH_TEST_HEAP:=512m}"
jars=$OPENSEARCH_TEST_HOME/$opensearch_version
