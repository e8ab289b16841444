package replay

import (
	"fmt"
	"io"
	"sort"
	"text/tabwriter"
)

// tally counts the comparable cases of one line of the report.
type tally struct{ passed, comparable int }

// Report writes the table of passed and failed cases by command and origin, with -v the failures, and the closing line
// "passed N of M comparable".
func Report(w io.Writer, outcomes []Outcome, verbose bool) error {
	type key struct{ command, origin string }
	counts := map[key]*tally{}
	var sum tally
	for i := range outcomes {
		o := &outcomes[i]
		if !o.Comparable {
			continue
		}
		k := key{o.Case.Command, o.Case.Origin}
		if counts[k] == nil {
			counts[k] = &tally{}
		}
		counts[k].comparable++
		sum.comparable++
		if o.Diff == "" {
			counts[k].passed++
			sum.passed++
		}
	}
	keys := make([]key, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].command != keys[j].command {
			return keys[i].command < keys[j].command
		}
		return keys[i].origin < keys[j].origin
	})
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "command\torigin\tpassed\tfailed\t")
	for _, k := range keys {
		c := counts[k]
		fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t\n", k.command, k.origin, c.passed, c.comparable-c.passed)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if verbose {
		for i := range outcomes {
			if o := &outcomes[i]; o.Diff != "" {
				fmt.Fprintf(w, "FAIL %s (%s): %s\n     %s\n", o.Case.ID, o.Case.Command, o.Diff, oneLine(o.Case.Query))
			}
		}
	}
	_, err := fmt.Fprintf(w, "passed %d of %d comparable\n", sum.passed, sum.comparable)
	return err
}
