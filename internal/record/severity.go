package record

// level is a severity: its text of the six words and its number in OpenTelemetry. The zero level is none.
type level struct {
	text string
	num  int64
}

// value returns the text as a value without making a new one.
func (l level) value() any {
	switch l.text {
	case "TRACE":
		return "TRACE"
	case "DEBUG":
		return "DEBUG"
	case "INFO":
		return "INFO"
	case "WARN":
		return "WARN"
	case "ERROR":
		return "ERROR"
	}
	return "FATAL"
}

// levelOf reads a level's word in any case: those of log4j, Python, syslog, java.util.logging, PostgreSQL, .NET, zap, glog.
func levelOf(word []byte) level {
	var up [12]byte
	if len(word) == 0 || len(word) > len(up) {
		return level{}
	}
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		up[i] = c
	}
	switch string(up[:len(word)]) {
	case "TRACE", "FINEST", "TRC", "VERBOSE", "VRB", "SILLY", "TRACE1":
		return level{"TRACE", 1}
	case "FINER", "TRACE2":
		return level{"TRACE", 2}
	case "DEBUG", "DBG", "FINE", "DEBUG1", "DBUG", "DEBG":
		return level{"DEBUG", 5}
	case "CONFIG", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5":
		return level{"DEBUG", 6}
	case "INFO", "INFORMATION", "INF", "LOG", "I", "DEFAULT", "INFORMATIVE":
		return level{"INFO", 9}
	case "NOTICE", "NOTE", "NTC", "STATEMENT", "DETAIL", "HINT", "SUCCESS", "SYSTEM":
		return level{"INFO", 10}
	case "WARN", "WARNING", "WRN", "W":
		return level{"WARN", 13}
	case "ERROR", "ERR", "EROR", "SEVERE", "E", "FAILURE":
		return level{"ERROR", 17}
	case "CRITICAL", "CRIT", "DPANIC":
		return level{"ERROR", 18}
	case "ALERT":
		return level{"ERROR", 19}
	case "FATAL", "FTL", "EMERG", "EMERGENCY", "PANIC", "F", "C":
		return level{"FATAL", 21}
	case "D":
		return level{"DEBUG", 5}
	case "T", "V":
		return level{"TRACE", 1}
	}
	return level{}
}

// levelOfNumber gives a level to a number of OpenTelemetry (1..24).
func levelOfNumber(n int64) level {
	if n < 1 || n > 24 {
		return level{}
	}
	return level{[...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}[(n-1)/4], n}
}

// levelOfPino reads the numbers of pino, bunyan and Python: 10 steps, told from syslog's by their size.
func levelOfPino(n int64) level {
	switch {
	case n <= 10:
		return level{"TRACE", 1}
	case n <= 20:
		return level{"DEBUG", 5}
	case n <= 30:
		return level{"INFO", 9}
	case n <= 40:
		return level{"WARN", 13}
	case n <= 50:
		return level{"ERROR", 17}
	}
	return level{"FATAL", 21}
}

// levelOfSyslog reads a syslog severity, 0 emergency to 7 debug (RFC 5424; numbers as OpenTelemetry maps them).
func levelOfSyslog(n int64) level {
	switch n {
	case 0:
		return level{"FATAL", 21}
	case 1:
		return level{"ERROR", 19}
	case 2:
		return level{"ERROR", 18}
	case 3:
		return level{"ERROR", 17}
	case 4:
		return level{"WARN", 13}
	case 5:
		return level{"INFO", 10}
	case 6:
		return level{"INFO", 9}
	case 7:
		return level{"DEBUG", 5}
	}
	return level{}
}

// levelOfStatus gives an access log's line the severity its answer deserves: server errors ERROR, client errors WARN.
func levelOfStatus(status int64) level {
	switch {
	case status >= 500:
		return level{"ERROR", 17}
	case status >= 400:
		return level{"WARN", 13}
	}
	return level{"INFO", 9}
}
