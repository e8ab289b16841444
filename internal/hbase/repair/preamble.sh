usage() {
  cat <<'USAGE'
bash plan.sh [--yes] [--dry-run] [--from N]
  --yes      do not ask before steps that take something away, nor at steps done by hand (or PLAN_YES=1)
  --dry-run  print the commands, run nothing
  --from N   begin at step N
Environment: HBCK2 (jar), HBASE_SUDO (what stands before commands of HBase's user), PLAN_LOG (log file),
MASTER_RESTART and REGIONSERVER_RESTART (commands for steps that are otherwise done by hand).
Steps whose result is there already are passed over, so a script that stopped can be run again.
USAGE
}
yes=${PLAN_YES:-} dry='' from=1
while [ $# -gt 0 ]; do
  case $1 in
    -y | --yes) yes=1 ;;
    --dry-run) dry=1 ;;
    --from) from=${2:?--from needs a number}; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

# Where HBase's user is this one or does not exist, or sudo is not there, its commands run as they are.
read -r -a as_hbase <<<"$HBASE_SUDO" || true
if [ ${#as_hbase[@]} -gt 0 ] && { ! command -v "${as_hbase[0]}" >/dev/null || [ "$(id -un)" = hbase ] || ! id hbase >/dev/null 2>&1; }; then as_hbase=(); fi
# sudo may reset PATH: what this PATH finds is what is run.
tool() { command -v "$1" || { say "no $1 command in PATH" >&2; exit 1; }; }

log=${PLAN_LOG:-$PLAN-$(date -u +%Y%m%dT%H%M%SZ).log}
if ! : >>"$log" 2>/dev/null; then log=$(mktemp); fi
say() { printf '%s  %s\n' "$(date -u +%H:%M:%SZ)" "$*" | tee -a "$log"; }
stop() { say "STOPPED at step $n: $*"; say "Nothing after this step was run. Collect again before anything else is tried. Log: $log"; exit 1; }

# as_user PROGRAM WORDS...: as HBase's user, ended after $limit seconds: a client of a master that is not up retries for long.
limit=1800
as_user() {
  local program
  program=$(tool "$1")
  shift
  if command -v timeout >/dev/null; then ${as_hbase[@]+"${as_hbase[@]}"} timeout -k 5 "$limit" "$program" "$@"; else ${as_hbase[@]+"${as_hbase[@]}"} "$program" "$@"; fi
}
p_hbck2() { as_user hbase hbck -j "$HBCK2" "$@"; }
p_hbck() { as_user hbase hbck "$@"; }
p_shell() { printf '%s\n' "$@" | as_user hbase shell -n; }
p_hdfs() { as_user hdfs dfs "$@"; }
p_hbase() { as_user hbase "$@"; }
p_aws() { aws s3 "$@"; }

n=0 skip=''
step() { # NUMBER LINE WHY
  n=$1 skip=''
  if [ "$n" -lt "$from" ]; then skip=1; return; fi
  say "step $n of $STEPS: $2"
  say "  $3"
}
already() { [ -n "$skip" ] || say "  nothing to do: its result is there already"; }

# ask COMMAND...: leaves in $text what it prints on both outputs. The same question is asked once only until something is run:
# each answer costs the start of a JVM.
asked='' text=''
ask() {
  local question
  question=$(printf '%q ' "$@")
  if [ "$question" != "$asked" ]; then text=$("$@" </dev/null 2>&1 | tr -d '\r') || true; fi
  asked=$question
}

# holds [@SECONDS] [+PATTERN|-PATTERN]... -- COMMAND...: 0 if every +PATTERN matches a line of the output and no -PATTERN does
holds() {
  [ -z "$skip" ] || return 0
  [ -z "$dry" ] || return 1
  local want=() pattern limit=$limit
  while [ "$1" != -- ]; do
    case $1 in @*) limit=${1#@} ;; *) want+=("$1") ;; esac
    shift
  done
  shift
  ask "$@"
  printf '%s\n' "$text" >>"$log"
  missed=''
  for pattern in ${want[@]+"${want[@]}"}; do
    case $pattern in
      +*) grep -Eq -- "${pattern#+}" <<<"$text" || { missed="nothing matches ${pattern#+}"; return 1; } ;;
      -*) ! grep -Eq -- "${pattern#-}" <<<"$text" || { missed="still there: ${pattern#-}"; return 1; } ;;
    esac
  done
}

precheck() { # ABOUT CHECK
  [ -z "$skip$dry" ] || return 0
  local about=$1
  shift
  holds "$@" || stop "the cluster is not as the evidence says ($about): $missed"
}

confirm() { # WHAT IS LOST
  [ -z "$skip$dry$yes" ] || return 0
  say "  This step takes something away. Data loss: $1"
  local answer=''
  read -r -p "  Type yes to go on: " answer || true
  case $answer in y | Y | yes | YES | Yes) ;; *) stop "not confirmed (--yes or PLAN_YES=1 confirms without a terminal)" ;; esac
}

# known COMMAND...: runs it as run does; 1 if the tool has no such command
known() {
  unknown=''
  run "$@"
  if [ -n "$unknown" ]; then unknown=never; return 1; fi
  unknown=never
}

unknown=never # what run sets where the caller can do without the command
run() { # COMMAND...
  [ -z "$skip" ] || return 0
  if [ -n "$dry" ]; then say "  (dry run)"; return; fi
  local status=0
  asked=''
  text=$("$@" </dev/null 2>&1) || status=$?
  printf '%s\n' "$text" | tee -a "$log"
  case $text in
    *'Unrecognized command'* | *'nsupported command'*)
      [ "$unknown" != never ] || stop "this hbck2 does not know the command"
      unknown=1
      say "  this hbck2 does not know the command: the same is done by hand"
      return 0 ;;
  esac
  [ $status -eq 0 ] || stop "exit code $status"
}

look() { # COMMAND...
  [ -z "$skip" ] || return 0
  if [ -n "$dry" ]; then say "  (dry run)"; return; fi
  ask "$@"
  printf '%s\n' "$text" | tee -a "$log"
}

by_hand() { # LINE
  [ -z "$skip" ] || return 0
  if [ -n "$dry" ]; then say "  (dry run)"; return; fi
  local own=''
  asked=''
  case $1 in *hbase-master*) own=${MASTER_RESTART:-} ;; *hbase-regionserver*) own=${REGIONSERVER_RESTART:-} ;; esac
  if [ -n "$own" ]; then say "  $own"; bash -c "$own" >>"$log" 2>&1 || stop "$own failed"; return; fi
  say "  By hand: $1"
  [ -z "$yes" ] || return 0
  local answer=''
  read -r -p "  Press Enter when it is done: " answer || stop "not done"
}

verify() { # SECONDS ABOUT CHECK
  [ -z "$skip$dry" ] || return 0
  local patience=$1 about=$2 began=$SECONDS
  shift 2
  until holds "$@"; do
    [ $((SECONDS - began)) -lt "$patience" ] || stop "it did not work ($about) after $((SECONDS - began)) s: $missed"
    sleep 3
    asked=''
  done
  say "  verified: $about"
}

failed=0
final() { # ABOUT CHECK
  [ -z "$dry" ] || return 0
  local about=$1 try
  skip=''
  shift
  asked=''
  for try in 1 2 3 4 5 6; do
    if holds "$@"; then say "holds: $about"; return; fi
    sleep 5
    asked=''
  done
  failed=1
  say "DOES NOT HOLD: $about: $missed (tried $try times)"
}

finish() {
  [ $failed -eq 0 ] || { say "The plan ran to its end and something is left: collect again and plan anew. Log: $log"; exit 1; }
  say "$PLAN: done. Collect again and compare: plumbline call hbase_verify. Log: $log"
}

say "$PLAN: $STEPS steps; log $log"
