package knowledge

import "context"

// Lists keeps the words and vectors of chunks outside the shelf, where they are too many for one file. The shelf stays the truth
// about documents and chunks: an id that it does not know is passed over.
type Lists interface {
	// Put writes chunks; one of an id that is there replaces it. When it returns they can be found.
	Put(ctx context.Context, chunks []Listed) error
	// Delete takes chunks away; ids that are not there are no error.
	Delete(ctx context.Context, ids []int64) error
	// Words returns the n best chunks by BM25, the best first.
	Words(ctx context.Context, terms []string, f Filter, n int) ([]Ranked, error)
	// Near returns the n nearest chunks of a model by cosine, the nearest first.
	Near(ctx context.Context, vector []float32, model string, f Filter, n int) ([]Ranked, error)
}

// Listed is a chunk as Lists keeps it.
type Listed struct {
	ID      int64     `json:"-"`
	Base    string    `json:"base"`
	Path    string    `json:"path"`
	Kind    Kind      `json:"kind"`
	Model   string    `json:"model"`
	Heading string    `json:"heading"`
	Text    string    `json:"text"`
	Vector  []float32 `json:"vector,omitempty"`
}

// Ranked is a chunk in a list.
type Ranked struct {
	ID    int64
	Score float64
}

// forget takes chunks that the shelf no longer has from Lists.
func (s *shelf) forget(ctx context.Context, ids []int64) error {
	if s.lists == nil || len(ids) == 0 {
		return nil
	}
	return s.lists.Delete(ctx, ids)
}

// from makes a shelf's list of what Lists found.
func (s *shelf) from(found []Ranked) []listed {
	out := make([]listed, len(found))
	for i, r := range found {
		out[i] = listed{shelf: s, chunk: r.ID, score: r.Score}
	}
	return out
}
