# Sourced by every script of this directory: where things are and how a JVM is started.
SERVERS_HBASE="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"
: "${HBASE_HOME:=${XDG_CACHE_HOME:-$HOME/.cache}/plumbline-test/hbase}"  # jars, configuration, data and logs: all it ever writes
: "${LAB_PORT:=26000}"                                                     # first of the ports used: see `server`
export HBASE_HOME LAB_PORT HADOOP_USER_NAME=hbase
lab_master=master.lab.internal lab_rs1=rs1.lab.internal lab_rs2=rs2.lab.internal  # known to the JVMs alone, by their hosts file
lab_cp="$HBASE_HOME/conf:$HBASE_HOME/classes:$HBASE_HOME/lib/*"
lab_jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.net.preferIPv4Stack=true "-Djdk.net.hosts.file=$HBASE_HOME/conf/hosts")
for lab_open in lang lang.reflect nio io util util.concurrent net; do lab_jvm+=(--add-opens "java.base/java.$lab_open=ALL-UNNAMED"); done
for lab_open in sun.nio.ch jdk.internal.ref jdk.internal.misc sun.security.x509 sun.security.util; do lab_jvm+=(--add-opens "java.base/$lab_open=ALL-UNNAMED"); done
lab_jvm+=(--add-exports java.base/jdk.internal.misc=ALL-UNNAMED --add-exports java.security.jgss/sun.security.krb5=ALL-UNNAMED)

# lab_java LEVEL HEAP CLASS ARGS...: a client program; its log goes to client.log. A plan starts dozens of them, so the classes of
# each are archived at the end of its first run, which takes half off every later start. Archives want jars: no directories.
: "${lab_client:=$HBASE_HOME/client/conf.jar:$HBASE_HOME/client/lab.jar:$HBASE_HOME/lib/*}"
lab_java() {
  local level=$1 heap=$2 archive=$HBASE_HOME/client/$3.jsa cds=() status=0
  shift 2
  if [ -f "$archive" ]; then cds=("-XX:SharedArchiveFile=$archive"); else cds=("-XX:ArchiveClassesAtExit=$archive.$$"); fi
  java "${lab_jvm[@]}" -Xlog:disable "${cds[@]}" -Xss2m "-Xmx$heap" "-Dlab.level=$level" "-Dhbase.log.file=$HBASE_HOME/logs/client.log" -cp "$lab_client" "$@" || status=$?
  if [ -f "$archive.$$" ]; then mv "$archive.$$" "$archive"; fi
  return $status
}
