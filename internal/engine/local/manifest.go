package local

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
	"github.com/plumbline-mcp/plumbline/internal/record"
)

// manifest describes a segment; it lies beside the segment's data and is written last: a segment without one does not exist.
type manifest struct {
	Version string        `json:"version"`
	Files   []segmentFile `json:"files"`
	Tables  []storedTable `json:"tables"`
}

// segmentFile is one file of a segment, or the part of it from Offset on.
type segmentFile struct {
	Path   string        `json:"path"` // absolute
	Name   string        `json:"name"` // as shown in _file when several files share the segment
	Offset int64         `json:"offset,omitempty"`
	Report record.Report `json:"report"`
	Error  string        `json:"error,omitempty"` // why nothing, or not all of it, could be read
	Stats  []fileStats   `json:"stats,omitempty"` // one a table
}

// fileStats says what one file gave to one table.
type fileStats struct {
	Table    string    `json:"table"`
	Rows     int64     `json:"rows"`
	Start    time.Time `json:"start,omitzero"` // of the table's time field
	End      time.Time `json:"end,omitzero"`
	Services []string  `json:"services,omitempty"` // at most maxServices
}

// storedTable is one table of a segment.
type storedTable struct {
	Name    string         `json:"name"`
	Kind    engine.Kind    `json:"kind"`
	Rows    int64          `json:"rows"`
	Columns []storedColumn `json:"columns,omitempty"`
	// Generic tables are described by the package that typed them; From is relative to the segment.
	Generic *catalog.Table `json:"generic,omitempty"`
	foreign bool           // a Parquet file where it lies
	// Overflow lists names that found no column of their own; they are keys of the JSON column _overflow.
	Overflow []string `json:"overflow,omitempty"`
}

// storedColumn is one column of a stored table.
type storedColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // DuckDB's
	JSON bool   `json:"json,omitempty"`
	// Stored is the column's name in the segment where that differs, because another spelling of it has the same letters.
	Stored string `json:"stored,omitempty"`

	view string // its name in the view, "" for Name
	expr string // SQL that gives the value; "" for the column itself
}

func readManifest(path string) (*manifest, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	m := &manifest{}
	if err := json.Unmarshal(data, m); err != nil { //nolint:musttag // reports and columns of other packages are kept under their fields' names
		return nil, fmt.Errorf("read segment %s: %w", path, err)
	}
	return m, nil
}

// write puts the manifest at path, a name that nobody reads yet.
func (m *manifest) write(path string) error {
	data, err := json.Marshal(m) //nolint:musttag // as above
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}
