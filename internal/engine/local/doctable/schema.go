package doctable

import (
	"context"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/ppl/catalog"
)

// Describe says what the table of an index would look like, without making it: by the mapping and by sample documents, which
// show what a mapping does not say (which fields hold lists, which objects are arrays). Options.Schema is part of the table's name.
func Describe(ctx context.Context, name string, mapping []byte, docs [][]byte, opt Options) (*catalog.Table, error) {
	b, err := New(ctx, nil, name, mapping, opt)
	if err != nil {
		return nil, err
	}
	for i, d := range docs {
		if len(b.rows) == batchRows-1 {
			break
		}
		b.bytes = 0 // nothing is written
		if err := b.Add(d); err != nil {
			return nil, fmt.Errorf("sample document %d: %w", i+1, err)
		}
	}
	if opt.ClusterOrder {
		b.arrange()
	}
	return b.describe(), nil
}
