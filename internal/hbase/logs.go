package hbase

import "time"

// Signature names a kind of log line that says something about the state of a cluster. The texts are HBase's.
type Signature string

// The signatures.
const (
	SigHolding        Signature = "master_holding_pattern"   // master waits for hbase:meta or hbase:namespace
	SigInitializing   Signature = "master_initializing"      // PleaseHoldException
	SigInitialized    Signature = "master_initialized"       // Master has completed initialization
	SigWaitServers    Signature = "waiting_on_regionservers" // Waiting on regionserver count=
	SigNotActive      Signature = "failed_to_become_active"
	SigStuckRIT       Signature = "stuck_region_in_transition"
	SigRetry          Signature = "transition_retry"
	SigSuspended      Signature = "transition_suspended"
	SigFailedOpen     Signature = "failed_open" // of a region server; Cause says why
	SigInfoMissing    Signature = "regioninfo_not_found"
	SigDirMissing     Signature = "region_directory_missing"
	SigServerMismatch Signature = "report_server_mismatch"
	SigStateMismatch  Signature = "report_state_mismatch"
	SigNoNode         Signature = "reported_region_unknown"
	SigBadState       Signature = "bad_state_cell"
	SigJanitor        Signature = "catalog_janitor_report"
	SigMetaUpdate     Signature = "meta_row_updated"
	SigSCP            Signature = "server_crash_procedure"
	SigSCPDone        Signature = "server_crash_processed"
	SigSCPRetry       Signature = "server_crash_retry"
	SigDeadServer     Signature = "dead_server_report"
	SigWALSplit       Signature = "wal_split_failed"
	SigWorkerStuck    Signature = "procedure_worker_stuck"
	SigZKExpired      Signature = "zookeeper_session_expired"
	SigPause          Signature = "jvm_pause"
	SigNotServing     Signature = "region_not_serving"
	SigTooBusy        Signature = "region_too_busy"
	SigAbort          Signature = "server_abort"
	SigHDFS           Signature = "file_system_error"
	SigCorruptHFile   Signature = "corrupt_hfile"
	SigS3             Signature = "s3_error"
	SigMVCC           Signature = "mvcc_stuck"
	SigOpened         Signature = "region_opened" // of a region server
	SigClosed         Signature = "region_closed"
	SigSplit          Signature = "region_split"
	SigMerge          Signature = "region_merged"
	SigTableProcedure Signature = "table_procedure" // create, delete, enable, disable, modify, truncate
	SigChore          Signature = "hbck_chore_report"
)

// Logs is what the log lines say, gathered by signature.
type Logs struct {
	Files   []LogFile
	Events  []*Event // one for each signature and subject of each file, by first time
	First   time.Time
	Last    time.Time
	Dropped int64 // events beyond the bound
	regions map[string][]*Event
	kinds   map[Signature][]*Event
}

// LogFile is one file of logs.
type LogFile struct {
	Path     string
	Instance string
	Host     string
	Role     string // master, regionserver, …
	Lines    int64
	Bytes    int64 // uncompressed
	First    time.Time
	Last     time.Time
	Damage   string // a gzip that is cut, and the like
}

// Event is a signature of one subject in one file: the first and the last line, and how many there were.
type Event struct {
	Signature Signature
	File      string
	Host      string
	Role      string
	Region    string // encoded name
	Name      string // full region name, where the line has it
	Table     string
	Server    string // server name in the line
	State     string // region state, procedure state
	Pid       int64
	Number    int64  // pause in ms, retries, …; of the last line
	Cause     string // of failures: the exception, "Caused by" included, bounded
	Path      string // file or directory that the line names
	Detail    string // what else the signature tells
	Count     int64
	First     time.Time // logs' local time, read as UTC unless the manifest tells the zone
	Last      time.Time
	FirstAt   At
	LastAt    At
	Text      string // the last line, bounded
}

// Of returns the events of a region, by time of the first.
func (l *Logs) Of(encoded string) []*Event { return l.regions[encoded] }

// By returns the events of a signature, by time of the first.
func (l *Logs) By(sig Signature) []*Event { return l.kinds[sig] }
