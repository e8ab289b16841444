package hbase

import (
	"bytes"
	"strings"
)

// mark is what a line says: the event it belongs to and the values of this line.
type mark struct {
	Event

	wantsCause bool // the lines below tell why
	keepText   bool // the last line's text is worth keeping
}

// signatureOf recognises a line by its logger and text. The patterns are of the sources of HBase 2.6, the variants of 2.0 to
// 2.5 beside them; see doc of the Signature constants.
func signatureOf(l *logLine, role string) (m mark, ok bool) {
	msg := l.message
	switch string(l.class) {
	case "HMaster":
		return masterLine(msg)
	case "ServerManager":
		return serverLine(msg)
	case "AssignmentManager":
		return assignmentLine(msg)
	case "TransitRegionStateProcedure":
		return transitionLine(msg)
	case "RegionStateStore":
		return stateStoreLine(msg)
	case "ServerCrashProcedure":
		return crashLine(msg)
	case "ProcedureExecutor", "MasterProcedureScheduler":
		return procedureLine(msg)
	case "SplitWALManager", "SplitWALProcedure", "SplitLogManager":
		if has(msg, "Failed to split wal") || has(msg, "Failed to check whether splitting wal") || has(msg, "error while splitting logs") {
			return mark{Event: Event{Signature: SigWALSplit, Server: serverIn(msg), Path: string(after(msg, "wal ", " ,"))}, wantsCause: true, keepText: true}, true
		}
		return m, false
	case "JvmPauseMonitor":
		if ms := after(msg, "pause of approximately ", "m"); ms != nil {
			return mark{Event: Event{Signature: SigPause, Number: number(ms)}, keepText: true, wantsCause: true}, true
		}
		return m, false
	case "Sleeper":
		if ms := after(msg, "We slept ", "m"); ms != nil {
			return mark{Event: Event{Signature: SigPause, Number: number(ms)}, keepText: true}, true
		}
		return m, false
	case "HRegion", "AssignRegionHandler", "OpenRegionHandler", "UnassignRegionHandler", "CloseRegionHandler", "HRegionFileSystem":
		if m, ok = regionLine(string(l.class), msg, role); ok {
			return m, true
		}
	case "MultiVersionConcurrencyControl":
		if ms := after(msg, "STUCK for : ", " m"); ms != nil {
			return mark{Event: Event{Signature: SigMVCC, Number: number(ms)}, keepText: true}, true
		}
		return m, false
	}
	if len(l.level) > 0 && (l.level[0] == 'W' || l.level[0] == 'E' || l.level[0] == 'F') {
		return troubleLine(msg)
	}
	return m, false
}

func has(b []byte, s string) bool { return bytes.Contains(b, []byte(s)) }

func masterLine(msg []byte) (m mark, ok bool) {
	switch {
	case has(msg, " is NOT online; state="):
		name, _, _ := bytes.Cut(msg, []byte(" is NOT online"))
		m = mark{Event: Event{Signature: SigHolding, Name: string(name), Region: EncodedOf(string(name)), Server: serverIn(after(msg, "server=", "}"))}, keepText: true}
		m.State, m.Detail = string(after(msg, "state=", ", ")), "ServerCrashProcedures="+string(after(msg, "ServerCrashProcedures=", "."))
		if i := strings.Index(m.State, "state="); i >= 0 {
			m.State = m.State[i+len("state="):]
		}
		return m, true
	case bytes.HasPrefix(msg, []byte("Master has completed initialization")):
		return mark{Event: Event{Signature: SigInitialized}}, true
	case has(msg, "Failed to become active master"):
		return mark{Event: Event{Signature: SigNotActive}, wantsCause: true, keepText: true}, true
	case has(msg, "ABORTING master"):
		return mark{Event: Event{Signature: SigAbort, Server: serverIn(msg)}, wantsCause: true, keepText: true}, true
	}
	return troubleLine(msg)
}

func serverLine(msg []byte) (m mark, ok bool) {
	switch {
	case has(msg, "Waiting on regionserver"):
		return mark{Event: Event{Signature: SigWaitServers}, keepText: true}, true
	case has(msg, "as dead server"):
		return mark{Event: Event{Signature: SigDeadServer, Server: serverIn(after(msg, "processing ", " "))}, keepText: true}, true
	}
	return m, false
}

func assignmentLine(msg []byte) (m mark, ok bool) {
	switch {
	case bytes.HasPrefix(msg, []byte("STUCK Region-In-Transition")):
		state := after(msg, "state=", ",")
		if state == nil {
			state = after(msg, "rit=", ",")
		}
		return mark{Event: Event{
			Signature: SigStuckRIT, State: string(state), Server: serverIn(after(msg, "location=", " ")),
			Table: string(after(msg, "table=", ",")), Region: encodedAt(after(msg, "region=", "")),
		}, keepText: true}, true
	case has(msg, "server does not match"), has(msg, "state does not match"):
		m = mark{Event: Event{Signature: SigServerMismatch, Region: encodedAt(after(msg, "region=", "")), Server: serverIn(msg)}, keepText: true}
		if has(msg, "state does not match") {
			m.Signature = SigStateMismatch
		}
		return m, true
	case bytes.HasPrefix(msg, []byte("No RegionStateNode for ")), bytes.HasPrefix(msg, []byte("No region state node for ")):
		rest := after(msg, " for ", "")
		m = mark{Event: Event{Signature: SigNoNode, Name: regionAt(rest), Server: serverIn(after(msg, "reported as up on ", " ;"))}, keepText: true}
		if m.Region = EncodedOf(m.Name); m.Region == "" {
			m.Region = encodedAt(rest)
		}
		return m, m.Region != ""
	}
	return m, false
}

// procedureIn fills in what a procedure's description says.
func procedureIn(m *mark, msg []byte) {
	m.Pid = number(after(msg, "pid=", ", ;"))
	m.Region = encodedAt(after(msg, "region=", ""))
	m.Table = string(bytes.TrimRight(after(msg, "table=", ", "), ";"))
}

func transitionLine(msg []byte) (m mark, ok bool) {
	switch {
	case bytes.HasPrefix(msg, []byte("Retry=")):
		m = mark{Event: Event{Signature: SigRetry, Number: number(after(msg, "Retry=", " "))}, keepText: true}
	case bytes.HasPrefix(msg, []byte("Failed transition, suspend ")):
		m = mark{Event: Event{Signature: SigSuspended, Number: number(after(msg, "suspend ", "s"))}, keepText: true}
	default:
		return m, false
	}
	procedureIn(&m, msg)
	if i := bytes.LastIndex(msg, []byte("; state=")); i >= 0 {
		m.State = string(after(msg[i:], "state=", ", "))
		m.Server = serverIn(msg[i:])
	}
	return m, m.Region != ""
}

func stateStoreLine(msg []byte) (m mark, ok bool) {
	if has(msg, "BAD value ") {
		rest := after(msg, "for region ", "")
		m = mark{Event: Event{Signature: SigBadState, Region: encodedAt(rest)}, keepText: true}
		if m.Region == "" {
			m.Name = regionAt(rest)
			m.Region = EncodedOf(m.Name)
		}
		return m, true
	}
	row := after(msg, "updating hbase:meta row=", ", ")
	if row == nil {
		return m, false
	}
	m = mark{Event: Event{Signature: SigMetaUpdate, Pid: number(after(msg, "pid=", " "))}}
	if m.Region = encodedAt(row); m.Region == "" {
		m.Region = EncodedOf(regionAt(after(msg, "row=", "")))
	}
	m.State = string(after(msg, "regionState=", ", "))
	m.Server = serverIn(after(msg, "regionLocation=", " "))
	return m, m.Region != ""
}

func crashLine(msg []byte) (m mark, ok bool) {
	m.Pid = number(after(msg, "pid=", ", "))
	m.Server, m.keepText = serverIn(msg), true
	switch {
	case bytes.HasPrefix(msg, []byte("Start pid=")):
		m.Signature = SigSCP
	case has(msg, "removed crashed server "):
		m.Signature = SigSCPDone
	case bytes.HasPrefix(msg, []byte("Failed state=")):
		m.Signature, m.Number = SigSCPRetry, number(after(msg, "cycles=", " ,;"))
	default:
		return m, false
	}
	return m, true
}

// procedureLine reads the life of procedures: crashes, splits, merges, tables.
func procedureLine(msg []byte) (m mark, ok bool) {
	if bytes.HasPrefix(msg, []byte("Worker stuck ")) {
		return mark{Event: Event{Signature: SigWorkerStuck, Pid: number(after(msg, "(pid=", ")"))}, keepText: true}, true
	}
	var state string
	switch {
	case bytes.HasPrefix(msg, []byte("Finished pid=")):
		state = "SUCCESS"
	case bytes.HasPrefix(msg, []byte("Rolled back pid=")):
		state = "ROLLEDBACK"
	case has(msg, "lock for pid="), bytes.HasPrefix(msg, []byte("Stored pid=")), bytes.HasPrefix(msg, []byte("Initialized subprocedures")):
		state = "RUNNING"
	default:
		return m, false
	}
	procedureIn(&m, msg)
	m.State = state
	switch {
	case has(msg, "SplitTableRegionProcedure"):
		m.Signature, m.Region = SigSplit, encodedAt(after(msg, "parent=", ""))
		m.Detail = string(after(msg, "daughterA=", ", ")) + " " + string(after(msg, "daughterB=", ", "))
	case has(msg, "MergeTableRegionsProcedure"):
		m.Signature, m.Detail = SigMerge, strings.ReplaceAll(string(after(msg, "regions=[", "]")), ",", "")
	case has(msg, "ServerCrashProcedure"):
		m.Signature, m.Server = SigSCP, serverIn(msg)
		if state == "SUCCESS" {
			m.Signature = SigSCPDone
		}
	case has(msg, "TableProcedure table="):
		m.Signature = SigTableProcedure
		if i := bytes.Index(msg, []byte("TableProcedure")); i > 0 {
			from := bytes.LastIndexAny(msg[:i], " .;") + 1
			m.Detail = string(msg[from:i])
		}
	default:
		return m, false
	}
	return m, true
}

// regionLine reads what a region server says of one region.
func regionLine(class string, msg []byte, role string) (m mark, ok bool) {
	name := func(rest []byte) {
		m.Name = regionAt(rest)
		if m.Region = EncodedOf(m.Name); m.Region == "" {
			m.Region = encodedAt(rest)
		}
		if n, is := parseRegionName([]byte(m.Name)); is {
			m.Table = string(n.table)
		}
	}
	head := func(s string) bool { return bytes.HasPrefix(msg, []byte(s)) }
	switch {
	case head("Failed to open region "), head("Failed open of region="), head("Failed initialize of region= "):
		m = mark{Event: Event{Signature: SigFailedOpen}, wantsCause: true, keepText: true}
		name(bytes.TrimLeft(msg[bytes.Index(msg, []byte("region"))+len("region"):], "= "))
	case class == "HRegion" && head("Opened ") && role != "master":
		m.Signature = SigOpened
		name(msg[len("Opened "):])
	case class == "HRegion" && head("Closed ") && role != "master":
		m.Signature = SigClosed
		name(msg[len("Closed "):])
	case has(msg, ".regioninfo file not found for region: "):
		m = mark{Event: Event{Signature: SigInfoMissing, Region: encodedAt(after(msg, "for region: ", "")), Table: string(after(msg, "on table ", " "))}, keepText: true}
	case has(msg, "doesn't exist for region: "):
		m = mark{Event: Event{Signature: SigDirMissing, Region: encodedAt(after(msg, "for region: ", "")), Table: string(after(msg, "on table ", " "))}, keepText: true}
	default:
		return m, false
	}
	return m, m.Region != ""
}

// troubles are texts that say something wherever they stand, in warnings and in stack traces.
func troubles() []struct {
	text string
	sig  Signature
} {
	return []struct {
		text string
		sig  Signature
	}{
		{"PleaseHoldException", SigInitializing},
		{"ABORTING region server", SigAbort},
		{"YouAreDeadException", SigDeadServer},
		{"received expired from ZooKeeper", SigZKExpired},
		{"SessionExpiredException", SigZKExpired},
		{"ZK session expired", SigZKExpired},
		{"CorruptHFileException", SigCorruptHFile},
		{"Problem reading HFile Trailer", SigCorruptHFile},
		{"BlockMissingException", SigHDFS},
		{"LeaseExpiredException", SigHDFS},
		{"Failed to place enough replicas", SigHDFS},
		{"Region directory does not exist", SigDirMissing},
		{"RegionTooBusyException", SigTooBusy},
		{"NotServingRegionException", SigNotServing},
		{"S3Exception", SigS3},
		{"SlowDown", SigS3},
	}
}

func troubleLine(msg []byte) (m mark, ok bool) {
	if !has(msg, "xception") && !has(msg, "ABORTING") && !has(msg, "xpired") && !has(msg, "HFile") && !has(msg, "replicas") && !has(msg, "SlowDown") && !has(msg, "does not exist") {
		return m, false
	}
	for _, t := range troubles() {
		if !has(msg, t.text) {
			continue
		}
		m = mark{Event: Event{Signature: t.sig, Cause: bounded(msg, 300)}, keepText: true, wantsCause: t.sig == SigAbort}
		switch t.sig {
		case SigAbort:
			m.Server = serverIn(msg)
		case SigDirMissing:
			m.Path = string(after(msg, "does not exist: ", " "))
			m.Table, m.Region = tableOfPath(m.Path)
		case SigCorruptHFile, SigHDFS:
			m.Path = strings.TrimRight(fullPath.FindString(string(after(msg, "file", ""))), ",;:)")
			m.Table, m.Region = tableOfPath(m.Path)
		default:
		}
		return m, true
	}
	return m, false
}
