package ppl

import (
	"cmp"

	"github.com/plumbline-mcp/plumbline/internal/ppl/function"
)

// Dialect holds the settings of a cluster that change what its queries mean. The zero value is a cluster as it comes.
type Dialect struct {
	// Modern is plugins.ppl.syntax.legacy.preferred=false: division of whole numbers keeps fractions, like minds the case, groups
	// without a key and the null series are left out.
	Modern bool
	// ValuesLimit is plugins.ppl.values.max.limit: the most values() keeps; 0 = all.
	ValuesLimit int
	// SubsearchLimit is plugins.ppl.subsearch.maxout: rows of a sub-search; 0 = DefaultSubsearchLimit.
	SubsearchLimit int
	// JoinLimit is plugins.ppl.join.subsearch_maxout: rows of a join's right side; 0 = DefaultJoinLimit.
	JoinLimit int
}

// Options are the options of a query of the dialect. now is its clock, as function.Settings.Now.
func (d Dialect) Options(now string) Options {
	return Options{
		Settings:  function.Settings{Now: now, ModernSyntax: d.Modern, ValuesLimit: d.ValuesLimit},
		SizeLimit: DefaultSizeLimit, SubsearchLimit: cmp.Or(d.SubsearchLimit, DefaultSubsearchLimit), JoinLimit: cmp.Or(d.JoinLimit, DefaultJoinLimit),
	}
}
