package repair

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// allowedHbck2 are the commands of HBCK2 that a plan may hold.
var allowedHbck2 = []string{
	"assigns", "fixMeta", "recoverUnknown", "scheduleRecoveries", "reportMissingRegionsInMeta", "addFsRegionsMissingInMeta", "extraRegionsInMeta",
	"generateMissingTableDescriptorFile", "filesystem", "setTableState", "replication", "regionInfoMismatch",
}

// allowedShell are the lines of the HBase shell that a plan may hold: one command each, its arguments in quotes.
var allowedShell = regexp.MustCompile(`^(?:catalogjanitor_run|hbck_chore_run|list_procedures|list_namespace|status 'simple'` +
	`|(?:un)?assign '[0-9a-f]{32}'` +
	`|deleteall 'hbase:meta', "(?:[^"\\#]|\\x[0-9A-F]{2})+"` +
	`|scan 'hbase:meta', \{[^{}\n;` + "`" + `]*\}` +
	`|(?:enable|disable|describe|is_enabled) '[\w.:\-]+')$`)

// allowedHDFS are the commands of the file system shell that a plan may hold. None deletes.
var allowedHDFS = []string{"-ls", "-mkdir", "-mv", "-test", "-count"}

// Allowed refuses a command that no plan may hold: plans are made of commands that were seen to repair, and what runs them
// must not be turned into a way to run anything.
func Allowed(c Command) error {
	ok := len(c.Args) > 0
	switch c.Tool {
	case Hbck2:
		i := slices.IndexFunc(c.Args, func(a string) bool { return !strings.HasPrefix(a, "-") })
		ok = ok && i >= 0 && i <= 1 && slices.Contains(allowedHbck2, c.Args[i]) && (i == 0 || c.Args[0] == "-s")
	case Hbck1:
		ok = slices.Equal(c.Args, []string{"-details"}) || slices.Equal(c.Args, []string{"-details", "-timelag", "0"})
	case Shell:
		for _, line := range c.Args {
			ok = ok && allowedShell.MatchString(line)
		}
	case HDFS:
		ok = ok && slices.Contains(allowedHDFS, c.Args[0])
	case AWS:
		ok = ok && c.Args[0] == "ls"
	case HBase:
		ok = ok && c.Args[0] == "completebulkload"
	case Hand:
	default:
		ok = false
	}
	for _, a := range c.Args {
		ok = ok && !strings.ContainsAny(a, "\n\x00")
	}
	if !ok {
		return fault.New(fault.PermissionDenied, "%s %s is not on the list of commands that a repair may run", c.Tool, strings.Join(c.Args, " "))
	}
	return nil
}
