package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxLine bounds one line of a case or data file: the longest documents of test data are some kilobytes.
const maxLine = 16 << 20

// Case is one query with the answer wanted.
type Case struct {
	ID             string   `json:"id"`
	Origin         string   `json:"origin"`
	Command        string   `json:"command"`
	Commands       []string `json:"commands"`
	Datasets       []string `json:"datasets"`
	Setup          []Setup  `json:"setup"`
	Query          string   `json:"query"`
	Columns        []Column `json:"columns"`
	ColumnsOrdered *bool    `json:"columns_ordered"`
	Rows           [][]any  `json:"rows"`
	Total          *int     `json:"total"`
	RowOrder       string   `json:"row_order"`
	Error          string   `json:"error"`
	ValueForm      string   `json:"value_form"`
	Volatile       bool     `json:"volatile"`
	Needs          []string `json:"needs"`
	Title          string   `json:"title"`

	hasRows bool
}

// Setup is an index that a case brings along.
type Setup struct {
	Index   string            `json:"index"`
	Mapping json.RawMessage   `json:"mapping"`
	Docs    []json.RawMessage `json:"docs"`
}

// Column is a column wanted or given.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Dataset is one index of a case directory.
type Dataset struct {
	File    string `json:"file"`
	Mapping string `json:"mapping"`
}

// Suite is a case directory.
type Suite struct {
	Cases    []Case
	Datasets map[string]Dataset // "origin/name" or "name"
	Verdicts map[string]string  // nil if the directory has none
	dir      fs.FS
}

// Load reads a case directory.
func Load(dir fs.FS) (*Suite, error) {
	s := &Suite{dir: dir, Datasets: map[string]Dataset{}}
	files, err := fs.Glob(dir, "cases_*.jsonl")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("load cases: no file cases_*.jsonl (%w)", errOr(err, fs.ErrNotExist))
	}
	for _, f := range files {
		if err := s.readCases(f); err != nil {
			return nil, err
		}
	}
	if data, err := fs.ReadFile(dir, "datasets.json"); err == nil {
		if err := json.Unmarshal(data, &s.Datasets); err != nil {
			return nil, fmt.Errorf("read datasets.json: %w", err)
		}
	}
	verdicts, err := fs.Glob(dir, "verified-*.json")
	if err != nil {
		return nil, fmt.Errorf("load verdicts: %w", err)
	}
	for _, f := range verdicts {
		data, err := fs.ReadFile(dir, f)
		if err == nil {
			err = json.Unmarshal(data, &s.Verdicts)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f, err)
		}
	}
	return s, nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (s *Suite) readCases(file string) error {
	return s.lines(file, func(n int, line []byte) error {
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		var c Case
		if err := dec.Decode(&c); err != nil {
			return fmt.Errorf("read %s: line %d: %w", file, n, err)
		}
		c.hasRows = bytes.Contains(line, []byte(`"rows": [`)) || bytes.Contains(line, []byte(`"rows":[`))
		s.Cases = append(s.Cases, c)
		return nil
	})
}

// lines calls each with every line that is not blank.
func (s *Suite) lines(file string, each func(n int, line []byte) error) error {
	f, err := s.dir.Open(file)
	if err != nil {
		return fmt.Errorf("read cases: %w", err)
	}
	defer func() { _ = f.Close() }()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, maxLine)
	for n := 1; sc.Scan(); n++ {
		if line := bytes.TrimSpace(sc.Bytes()); len(line) > 0 {
			if err := each(n, line); err != nil {
				return err
			}
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// Comparable reports whether the answer to c can be judged.
func (s *Suite) Comparable(c *Case) bool {
	if c.Volatile || len(c.Needs) > 0 {
		return false
	}
	if s.Verdicts == nil {
		return true
	}
	v := s.Verdicts[c.ID]
	return v == "same" || v == "error-ok"
}

// TierOne reports whether c uses only the commands of the first tier.
func (c *Case) TierOne() bool {
	first := []string{
		"search", "where", "fields", "head", "sort", "stats", "eval", "dedup", "top", "rare", "rename", "timechart", "patterns",
		"parse", "grok", "rex", "regex", "bin", "fillnull", "table",
	}
	for _, name := range c.Commands {
		if !slices.Contains(first, strings.TrimLeft(name, ">")) {
			return false
		}
	}
	return true
}

// Uses reports whether c is about the command or uses it.
func (c *Case) Uses(command string) bool {
	return c.Command == command || slices.Contains(c.Commands, command)
}

// indexes returns the data sets of an origin by index name; sets without an origin belong to every one.
func (s *Suite) indexes(origin string) map[string]Dataset {
	out := map[string]Dataset{}
	for key, d := range s.Datasets {
		of, name := path.Split(key)
		if of == "" || strings.TrimSuffix(of, "/") == origin {
			out[name] = d
		}
	}
	return out
}

// ExpectRows makes the case compare its rows, as when a file listed them.
func (c *Case) ExpectRows() { c.hasRows = true }
