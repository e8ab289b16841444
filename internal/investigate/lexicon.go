package investigate

import (
	"regexp"
	"strings"
	"sync"
)

// meaning is what the words of an error or log line say about its cause.
type meaning string

const (
	meansPool     meaning = "pool"
	meansDNS      meaning = "name resolution"
	meansCert     meaning = "certificate"
	meansAuth     meaning = "authentication"
	meansMemory   meaning = "memory"
	meansRefused  meaning = "connection refused"
	meansTimeout  meaning = "timeout"
	meansLimited  meaning = "rate limit"
	meansClock    meaning = "clock"
	meansPoison   meaning = "undecodable message"
	meansDisk     meaning = "disk"
	meansLock     meaning = "lock"
	meansOverload meaning = "overload"
	meansCrash    meaning = "exception in code"
	meansCache    meaning = "cache"
	meansConfig   meaning = "configuration"
	meansRetry    meaning = "retry"
	meansTool     meaning = "tool arguments"
)

// sense is one entry of the lexicon. The order matters: the first that matches wins, so the special stand before the general.
type sense struct {
	means meaning
	words *regexp.Regexp
}

// senses are the words that runtimes, drivers, proxies and clouds use, collected from their sources and manuals. Matching is
// on lower-case text. They are compiled when first asked for: a server must start fast and may never investigate.
var senses = sync.OnceValue(func() []sense {
	return []sense{
		{meansClock, regexp.MustCompile(`used before issued|not valid before|issued in the future|clock (skew|drift|of issuer|is)|requesttimetooskewed|time ?stamp.{0,30}(in the future|too (old|new|far))|nbf\b|time offset|system clock`)},
		{meansDNS, regexp.MustCompile(`no such host|name resolution|nxdomain|servfail|eai_again|enotfound|getaddrinfo|unknownhost|could not resolve|cannot resolve|failed to resolve|name or service not known|nameresolution|\bdns\b|lookup .{1,80} on .{1,40}:53|no address associated|socket\.gaierror|hostname.{0,20}not (found|known)|temporary failure in name`)},
		{meansCert, regexp.MustCompile(`x509|certificate|cert_has_expired|pkix|ssl(handshake)?exception|tls.{0,20}(handshake|verify|alert)|handshake_failure|unable to get (local )?issuer|self.signed`)},
		{meansPool, regexp.MustCompile(`(connection|thread|session|worker|client).{0,12}pool|pool.{0,40}(exhaust|timeout|timed out|full|limit|empty|no idle)|acquire (a )?(connection|conn|session)|connection is not available|too many (connections|clients)|remaining connection slots|max_connections|no (free|available|idle) (connection|session|worker|thread)|queuepool|hikari|poolexhausted|pooltimeout|unable to (obtain|get|acquire).{0,20}(connection|lease)|maximum pool size`)},
		{meansMemory, regexp.MustCompile(`out.?of.?memory|oom.?kill|oomkilled|heap space|cannot allocate memory|memory (limit|cgroup|pressure|exhausted)|exit code 137|gc overhead|allocation failed|memoryerror|std::bad_alloc|\bheap\b.{0,40}(%|full|usage|after|exceed)|gc pause|garbage collect|long pause|stop.the.world|old.gen|heap (usage|is)`)},
		{meansAuth, regexp.MustCompile(`\b401\b|\b403\b|unauthori[sz]ed|unauthenticated|forbidden|permission.?denied|access.?denied|invalid (api.?key|token|credential|signature|client|grant|login)|(token|credential|api.?key|key|secret|password|session|signature)s?\b.{0,40}(expired|invalid|revoked|rotated|not valid|does not match|mismatch)|authentication (failed|error)|password authentication|signaturedoesnotmatch|expiredtoken|login failed|bad credentials|jwt expired`)},
		{meansLimited, regexp.MustCompile(`\b429\b|too many requests|rate.?limit|quota|throttl|overloaded_error|slow ?down|resource_exhausted`)},
		{meansPoison, regexp.MustCompile(`deserializ|unmarshal|cannot (parse|decode|read) (record|message|event|payload)|malformed (record|message|payload)|poison|dead.?letter|(record|message|offset).{0,60}(unexpected|invalid|corrupt|cannot|failed|parse)|schema (id|registry|version).{0,30}(not found|unknown|mismatch)|recorddeserial|avro|protobuf.{0,20}(parse|wire)`)},
		{meansTool, regexp.MustCompile(`(tool|function).{0,60}(schema|argument|parameter|validation|not found|unknown|missing)|schema validation failed|invalid (tool|function) (call|arguments)|missing in arguments`)},
		{meansDisk, regexp.MustCompile(`no space left|disk (is )?full|enospc|read.only file ?system|disk ?pressure|i/o error|flood.?stage|volume is full`)},
		{meansLock, regexp.MustCompile(`deadlock|lock wait|lock timeout|could not obtain lock|lock contention|blocked by|waiting for .{0,20}lock|statement timeout|serialization failure|too many locks`)},
		{meansOverload, regexp.MustCompile(`overload|queue (is )?full|queue.{0,20}(exceed|limit)|backpressure|circuit.?(breaker|open)|shedding|bulkhead|rejectedexecution|load.?shed`)},
		{meansRefused, regexp.MustCompile(`econnrefused|connection (was )?(refused|reset|closed|aborted)|econnreset|no (healthy|route).{0,12}(upstream|host)|upstream connect error|unreachable|broken pipe|no endpoints|backend.{0,20}(down|unavailable)|socket hang up|connect(ion)? failed`)},
		{meansCache, regexp.MustCompile(`cache.{0,30}(miss|flush|evict|unavailable|error|failed|empty|cold|stampede)|(redis|valkey|memcached).{0,40}(error|down|loading|readonly|failed|moved|oom|timeout)|loading the dataset|evicted|flushall|flushdb`)},
		{meansRetry, regexp.MustCompile(`retry(ing)?\b.{0,30}(attempt|in \d|\d+ of|again)|attempt \d+ (of|/)|retries (exhausted|exceeded)|max_attempts|max.?retries|giving up after`)},
		{meansConfig, regexp.MustCompile(`config(uration)?.{0,30}(error|invalid|missing|not found|unknown|parse|bad)|configerror|missing (setting|property|env|environment variable|key)|invalid (setting|property|value for)|no entry for key|unknown (setting|option|property)`)},
		{meansTimeout, regexp.MustCompile(`time.?out|timed.?out|deadline|etimedout|took too long|context canceled`)},
		{meansCrash, regexp.MustCompile(`null.?pointer|nil pointer|nonetype|null reference|nullreference|undefined is not|cannot read propert|typeerror|attributeerror|keyerror|indexerror|index out of|indexoutof|classcast|illegal(state|argument)|segfault|sigsegv|panic|panicked|unwrap\(\)|runtime ?error|assertion|nosuchmethod|noclassdef|division by zero|arithmeticexception|stack ?overflow|unhandled|traceback|goroutine \d`)},
	}
})

// meaningOf reads the words of an error or a log line; "" when none is known.
func meaningOf(text string) meaning {
	t := strings.ToLower(text)
	for _, s := range senses() {
		if s.words.MatchString(t) {
			return s.means
		}
	}
	return ""
}

// changeKind is what kind of change a line tells of.
type changeKind string

const (
	changeRollout    changeKind = "rollout"
	changeRollback   changeKind = "rollback"
	changeFlag       changeKind = "flag"
	changePrompt     changeKind = "prompt"
	changeTools      changeKind = "tool manifest"
	changeCredential changeKind = "credential"
	changeCert       changeKind = "certificate"
	changeConfig     changeKind = "configuration"
	changeOOM        changeKind = "out of memory"
	changeRestart    changeKind = "restart"
	changeNode       changeKind = "node"
	changeCache      changeKind = "cache"
	changeRetry      changeKind = "retry policy"
	changeJob        changeKind = "job"
	changeSchema     changeKind = "schema"
	changeScale      changeKind = "scaling"
	changeOther      changeKind = "rare line"
)

type changeSense struct {
	kind  changeKind
	words *regexp.Regexp
}

// changeSenses are the words of change feeds: cluster events, deployment tools, configuration and flag clients, agents.
var changeSenses = sync.OnceValue(func() []changeSense {
	return []changeSense{
		{changeRollback, regexp.MustCompile(`roll(ed)?.?back|revert(ed)?\b|undo deployment`)},
		{changeOOM, regexp.MustCompile(`oom.?kill|out of memory|memory cgroup|exit code 137`)},
		{changePrompt, regexp.MustCompile(`prompt.{0,30}(activ|load|chang|updat|version|deploy|publish|template)|system prompt|instruction set`)},
		{changeTools, regexp.MustCompile(`tool.{0,20}(manifest|schema|definition|catalog|registry|list)|mcp.{0,20}(manifest|server).{0,20}(load|chang|updat|version|upgrad)`)},
		{changeFlag, regexp.MustCompile(`\bflags?\b|feature.?(flag|toggle|gate|switch)|toggle|experiment|variant (on|off|enabled|activ)|launchdarkly|flagd|unleash|split\.io|canary`)},
		{changeRetry, regexp.MustCompile(`(retry|retries|max_attempts|backoff).{0,40}(policy|set|now|chang|updat|=)|(policy|client|config).{0,60}(retry|retries|max_attempts|backoff)`)},
		{changeCert, regexp.MustCompile(`certificate|\bcert\b|\btls\b|x509|\bca bundle`)},
		{changeCredential, regexp.MustCompile(`(secret|credential|password|api.?key|token|key|iam|role)s?.{0,30}(rotat|expir|revok|renew|chang|updat|reload|refresh|delet)|rotated`)},
		{changeCache, regexp.MustCompile(`cache.{0,60}(flush|clear|evict|reset|invalidat|failover|reconnect|empty|resiz|version|ttl|polic|warm)|flush(all|db)|keyspace|(redis|valkey|memcached).{0,40}(failover|restart|master|primary|flush|config)|maxmemory`)},
		{changeNode, regexp.MustCompile(`node.{0,30}(not ?ready|cordon|drain|pressure|taint|reboot|added|removed|lost)|(memory|disk|pid).?pressure|notready|kubelet|spot interruption|live migration|time (sync|step)|chrony|ntp\b|clock`)},
		{changeRollout, regexp.MustCompile(`scal(ed|ing) up replica ?set|pulled.{0,20}image|pulling image|roll(ing|ed)? ?out|deploy(ed|ing|ment)|starting version|\bversion[= ]v?\d|release[d ]|image.{0,20}(updat|set)|upgrad(ed|ing)|new revision|revision \d+ (activ|deploy)`)},
		{changeJob, regexp.MustCompile(`batch|nightly|cron|job\b.{0,20}(start|finish|running)|backup|export|reconciliation|report generation|etl|reindexing|import.{0,20}(start|finish)|snapshot`)},
		{changeRestart, regexp.MustCompile(`restart|killing|back.?off|crash ?loop|stopping container|started container|liveness|readiness probe|unhealthy|evict|shutting down|terminated|sigterm|process exit|\bstarting\b|\bstarted\b`)},
		{changeSchema, regexp.MustCompile(`schema.{0,20}(chang|migrat|updat|version|evol)|migration|alter table|create index|drop index|reindex|vacuum|analyze`)},
		{changeConfig, regexp.MustCompile(`config(uration|map)?\b|settings?\b.{0,20}(reload|chang|updat|appl)|reload(ed|ing)|applied|polic(y|ies)|properties|environment variable|limit.{0,20}(set|chang)|threshold.{0,20}(set|chang)|route table|rule.?set|parameter`)},
		{changeScale, regexp.MustCompile(`scal(ed|ing) (up|down|in|out|to)|autoscal|replicas? (from|to)|hpa\b`)},
	}
})

// changeOf reads what kind of change a line tells of, changeOther when no words are known.
func changeOf(text string) changeKind {
	t := strings.ToLower(text)
	for _, s := range changeSenses() {
		if s.words.MatchString(t) {
			return s.kind
		}
	}
	return changeOther
}

// pairWords finds key=value and key: "value" pairs in a line.
var pairWords = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.\-]*)\s?[=:]\s?(?:"([^"]*)"|'([^']*)'|([^\s,;"']+))`)

// pairsOf reads the key=value pairs of a line in order.
func pairsOf(text string) []label {
	var out []label
	for _, m := range pairWords.FindAllStringSubmatch(text, maxPairs) {
		v := m[2] + m[3] + m[4]
		if v != "" {
			out = append(out, label{strings.ToLower(m[1]), strings.TrimRight(v, ".,)")})
		}
	}
	return out
}

// maxPairs bounds the pairs read of one line.
const maxPairs = 24

// value returns the first pair with one of the keys, in the order of the keys.
func value(pairs []label, keys ...string) string {
	for _, k := range keys {
		for _, p := range pairs {
			if p.key == k || strings.HasSuffix(p.key, "."+k) || strings.HasSuffix(p.key, "_"+k) {
				return p.value
			}
		}
	}
	return ""
}
