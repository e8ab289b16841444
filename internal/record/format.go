package record

// Format is how a file is written. The text formats name the layout that most of the first lines fit; a text file may mix them.
type Format string

// The formats. Those that say "refused" are not read by Read.
const (
	FormatUnknown     Format = ""              // nothing to go by
	FormatEmpty       Format = "empty"         // no bytes but white space
	FormatBinary      Format = "binary"        // refused: neither text nor a known container
	FormatParquet     Format = "parquet"       // refused here: the engine reads it itself
	FormatDocuments   Format = "opensearch"    // JSON documents of OpenSearch indices: spans, logs, service maps, any form
	FormatOTLP        Format = "otlp-json"     // resourceSpans, resourceLogs, resourceMetrics
	FormatSeries      Format = "metric-series" // {"metric":{},"values":[],"timestamps":[]} a line
	FormatJSONLog     Format = "json-log"      // JSON lines of a logging library
	FormatJSON        Format = "json"          // JSON of any other shape: generic documents
	FormatOpenMetrics Format = "openmetrics"   // Prometheus or OpenMetrics exposition text
	FormatLog4j       Format = "log4j"         // log4j, logback and their like: time, thread, level, class, message
	FormatPython      Format = "python"        // Python's logging
	FormatLogfmt      Format = "logfmt"        // key=value
	FormatBracketed   Format = "bracketed"     // [time] first, as Envoy and others write
	FormatSyslog      Format = "syslog"        // RFC 3164 or RFC 5424
	FormatAccess      Format = "access-log"    // common and combined log format, Envoy's access log
	FormatErrorLog    Format = "web-error-log" // error logs of Apache and nginx
	FormatKlog        Format = "klog"          // klog and glog: I0527 17:40:02.123456
	FormatJUL         Format = "jul"           // java.util.logging
	FormatDatabase    Format = "database-log"  // PostgreSQL, MySQL, MongoDB text
	FormatGoLog       Format = "go-log"        // Go's standard log
	FormatCRI         Format = "cri"           // Kubernetes container log files
	FormatTimed       Format = "timed-text"    // a time at the head of each line, the rest unknown
	FormatLeveled     Format = "leveled-text"  // a level at the head of each line, no time
	FormatHBaseMeta   Format = "hbase-meta"    // scan 'hbase:meta' in the HBase shell: a document a row
	FormatHBasePaths  Format = "hbase-paths"   // a recursive listing of hbase.rootdir, of HDFS or S3: a document a line
	FormatHBaseHbck   Format = "hbase-hbck"    // hbase hbck -details: a document a line
	FormatText        Format = "text"          // lines without time or level
)
