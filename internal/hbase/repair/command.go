package repair

import (
	"regexp"
	"strings"
	"time"
)

// Tool is a program that a step runs.
type Tool string

// The tools. Hand is no program: a person acts on the host.
const (
	Hbck2 Tool = "hbck2" // hbase hbck -j JAR
	Hbck1 Tool = "hbck"  // hbase hbck, report only
	Shell Tool = "shell" // lines into hbase shell -n
	HDFS  Tool = "hdfs"  // hdfs dfs
	AWS   Tool = "aws"   // aws s3, reading only
	HBase Tool = "hbase" // hbase completebulkload
	Hand  Tool = "hand"
)

// Command is one call of a tool. The words of Shell are lines of its script.
type Command struct {
	Tool Tool
	Args []string
}

func hbck2(args ...string) Command  { return Command{Hbck2, args} }
func shell(lines ...string) Command { return Command{Shell, lines} }
func hdfs(args ...string) Command   { return Command{HDFS, args} }

// Line writes the command as a person types it.
func (c Command) Line(o Options) string {
	as := o.Sudo
	if as != "" {
		as += " "
	}
	switch c.Tool {
	case Hbck2:
		return as + "hbase hbck -j " + quote(o.Hbck2) + " " + words(c.Args)
	case Hbck1:
		return as + "hbase hbck " + words(c.Args)
	case Shell:
		return "echo " + doubleQuote(strings.Join(c.Args, "; ")) + " | " + as + "hbase shell -n"
	case HDFS:
		return as + "hdfs dfs " + words(c.Args)
	case HBase:
		return as + "hbase " + words(c.Args)
	case AWS:
		return "aws s3 " + words(c.Args)
	case Hand:
	}
	return strings.Join(c.Args, " ")
}

func words(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quote(a)
	}
	return strings.Join(quoted, " ")
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote writes a word for a POSIX shell.
func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// doubleQuote writes a text in double quotes for a POSIX shell, as HBase's own manuals do around shell lines with quotes.
func doubleQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s) + `"`
}

// rubyString writes a key for the HBase shell: in double quotes \xNN is a byte there. Its argument is in the form of
// Bytes.toStringBinary, whose own backslashes are \x5C.
func rubyString(binary string) string {
	return `"` + strings.NewReplacer(`"`, `\x22`, "#", `\x23`).Replace(binary) + `"`
}

// Check is a command with what its output must show.
type Check struct {
	Command

	Expect []string      // patterns (RE2, common with grep -E) that must each match a line
	Absent []string      // patterns that no line may match
	About  string        // in words
	Limit  time.Duration // of the command; 0 for the usual one
}

// Line writes the check as one shell line and what it must show.
func (c *Check) Line(o Options) string {
	if c == nil {
		return ""
	}
	line := c.Command.Line(o)
	if c.About != "" {
		line += "   # " + c.About
	}
	return line
}

// Holds reports whether an output shows what it must, else what is wrong.
func (c *Check) Holds(output string) (bool, string) {
	for _, p := range c.Expect {
		if !regexp.MustCompile("(?m)" + p).MatchString(output) {
			return false, "nothing matches " + p
		}
	}
	for _, p := range c.Absent {
		if m := regexp.MustCompile("(?m)^.*" + p + ".*$").FindString(output); m != "" {
			return false, "still there: " + m
		}
	}
	return true, ""
}

// literal writes text as a pattern that is the same for RE2 and grep -E.
func literal(text string) string { return regexp.QuoteMeta(text) }
