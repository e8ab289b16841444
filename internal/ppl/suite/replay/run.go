package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"time"
)

// queryTimeout bounds one query: test data is small, so a query that takes longer hangs.
const queryTimeout = 60 * time.Second

// Filter chooses cases.
type Filter struct {
	TierOne bool   // only cases of first-tier commands
	Command string // only cases about or with this command
	ID      string // only this case
	All     bool   // run cases that are not comparable too
}

func (f Filter) takes(s *Suite, c *Case) bool {
	return (f.All || s.Comparable(c)) && (!f.TierOne || c.TierOne()) && (f.Command == "" || c.Uses(f.Command)) && (f.ID == "" || c.ID == f.ID)
}

// Outcome is what became of one case.
type Outcome struct {
	Case       *Case
	Comparable bool
	Diff       string // "" = passed
}

// Run replays the cases that the filter takes. Indexes are loaded origin by origin, since two origins may use one name. An
// error is a fault of the engine or the suite, not a case that failed.
func (s *Suite) Run(ctx context.Context, e Engine, f Filter) ([]Outcome, error) {
	byOrigin := map[string][]*Case{}
	for i := range s.Cases {
		if c := &s.Cases[i]; f.takes(s, c) {
			byOrigin[c.Origin] = append(byOrigin[c.Origin], c)
		}
	}
	origins := make([]string, 0, len(byOrigin))
	for o := range byOrigin {
		origins = append(origins, o)
	}
	slices.Sort(origins)
	var out []Outcome
	for _, origin := range origins {
		got, err := s.runOrigin(ctx, e, origin, byOrigin[origin])
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

func (s *Suite) runOrigin(ctx context.Context, e Engine, origin string, cases []*Case) ([]Outcome, error) {
	loaded, err := s.loadAll(ctx, e, origin)
	defer func() {
		for _, name := range loaded {
			_ = e.Drop(context.WithoutCancel(ctx), name)
		}
	}()
	if err != nil {
		return nil, err
	}
	var out []Outcome
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		diff, err := s.runCase(ctx, e, c)
		if err != nil {
			return nil, err
		}
		out = append(out, Outcome{Case: c, Comparable: s.Comparable(c), Diff: diff})
	}
	return out, nil
}

// loadAll loads the data sets of an origin and returns the names of those loaded.
func (s *Suite) loadAll(ctx context.Context, e Engine, origin string) ([]string, error) {
	sets := s.indexes(origin)
	names := make([]string, 0, len(sets))
	for n := range sets {
		names = append(names, n)
	}
	sort.Strings(names)
	for i, n := range names {
		if err := s.loadSet(ctx, e, n, sets[n]); err != nil {
			return names[:i], fmt.Errorf("load data set %s: %w", n, err)
		}
	}
	return names, nil
}

func (s *Suite) loadSet(ctx context.Context, e Engine, name string, d Dataset) error {
	var mapping []byte
	if d.Mapping != "" {
		var err error
		if mapping, err = fs.ReadFile(s.dir, d.Mapping); err != nil {
			return err
		}
	}
	var docs [][]byte
	if err := s.lines(d.File, func(_ int, line []byte) error {
		docs = append(docs, bytes.Clone(line))
		return nil
	}); err != nil {
		return err
	}
	return e.Load(ctx, name, mapping, docs)
}

// runCase sets a case up, asks, and compares.
func (s *Suite) runCase(ctx context.Context, e Engine, c *Case) (string, error) {
	for _, set := range c.Setup {
		docs := make([][]byte, len(set.Docs))
		for i, d := range set.Docs {
			docs[i] = d
		}
		mapping := []byte(set.Mapping)
		if string(mapping) == "null" {
			mapping = nil
		}
		if err := e.Load(ctx, set.Index, mapping, docs); err != nil {
			return "", fmt.Errorf("set up case %s: %w", c.ID, err)
		}
		defer func() { _ = e.Drop(context.WithoutCancel(ctx), set.Index) }()
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	return c.Check(e.Query(ctx, c.Query)), nil
}

// normalise brings cells read from JSON or from an engine to the kinds an Answer has.
func normalise(v any) any {
	switch x := v.(type) {
	case json.Number, nil, bool, string:
		return x
	case []any:
		for i := range x {
			x[i] = normalise(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = normalise(x[k])
		}
	}
	return v
}
