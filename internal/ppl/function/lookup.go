package function

import (
	"regexp"
	"slices"
	"strings"
)

// Families are listed by hand: a new family is a file with a function that returns its list, and a line here.
func families() [][]Func {
	return [][]Func{
		aggregates(), maths(), stringFuncs(), conditions(), conversions(), collections(), jsonFuncs(),
		cryptos(), ips(), systems(), relevances(),
		dateParts(), dateBuilders(), dateArithmetic(), dateFormats(), clocks(),
	}
}

// All returns every function, families together, in a fixed order. pNN and percNN are listed once, as p<percent>.
func All() []Func {
	return slices.Concat(families()...)
}

// Library finds functions by name. It is immutable; build it once with NewLibrary and share it.
type Library struct {
	byName map[Class]map[string]*Func
}

// NewLibrary indexes All by name and alias.
func NewLibrary() *Library {
	l := &Library{byName: map[Class]map[string]*Func{Scalar: {}, Aggregate: {}}}
	all := All()
	for i := range all {
		f := &all[i]
		l.byName[f.Class][f.Name] = f
		for _, a := range f.Aliases {
			l.byName[f.Class][a] = f
		}
	}
	return l
}

// percentileName matches the shortcuts p95, p99.5, perc50.
var percentileName = regexp.MustCompile(`^p(?:erc)?(\d+(?:\.\d+)?)$`)

// Lookup finds a function of the class by any of its spellings, whatever the case.
func (l *Library) Lookup(name string, class Class) (*Func, bool) {
	name = strings.ToLower(name)
	if f, ok := l.byName[class][name]; ok {
		return f, true
	}
	if class == Aggregate && percentileName.MatchString(name) {
		return l.byName[Aggregate][percentileShortcut], true
	}
	return nil, false
}

// Names returns every spelling of the class, sorted: what an unknown name is compared with.
func (l *Library) Names(class Class) []string {
	names := make([]string, 0, len(l.byName[class]))
	for n := range l.byName[class] {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Lookup finds a function of the class by any of its spellings. It searches All; a compiler that looks up many names
// keeps a Library.
func Lookup(name string, class Class) (*Func, bool) {
	return NewLibrary().Lookup(name, class)
}

// Names returns every spelling of every function, sorted.
func Names() []string {
	l := NewLibrary()
	names := slices.Concat(l.Names(Scalar), l.Names(Aggregate))
	slices.Sort(names)
	return slices.Compact(names)
}

// UDFs returns every Go function that the engine registers with DuckDB before it runs compiled queries.
func UDFs() []UDF {
	return slices.Concat(regexUDFs(), mathUDFs(), cryptoUDFs(), ipUDFs(), jsonUDFs(), dateUDFs(), conversionUDFs(), relevanceUDFs())
}

// Call compiles one use of f: it counts the arguments and lets the function build its SQL.
func (f *Func) Call(c *Call) (Value, error) {
	if n := len(c.Args); n < f.Min || (f.Max >= 0 && n > f.Max) {
		return Value{}, arity(f, n)
	}
	return f.Compile(c)
}
