package knowledge

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Filter narrows a search; empty members leave everything.
type Filter struct {
	Base string
	Path string // directory, file or GLOB pattern
	Kind string
}

// Hit is a chunk that answers.
type Hit struct {
	Base    string
	Path    string
	Kind    Kind
	Title   string
	Heading string
	Start   int // lines of the chunk
	End     int
	Score   float64 // of the fusion
	Parts   Parts
	Text    string // the chunk
	Snippet string // the lines of it that answer best
	Hidden  int    // hidden characters and passages taken out of its document
}

// Parts says where a score comes from. A rank of 0 means that the list does not hold the chunk.
type Parts struct {
	BM25       float64 `json:"bm25,omitempty"`
	BM25Rank   int     `json:"bm25_rank,omitempty"`
	Cosine     float64 `json:"cosine,omitempty"`
	CosineRank int     `json:"cosine_rank,omitempty"`
}

// Search settings. Reciprocal rank fusion with 60 needs no tuning and stays near the best on unlike collections (Cormack, Clarke
// and Buettcher 2009; measured in bench/knowledge).
const (
	fusionConstant = 60
	listLength     = 100
	snippetBytes   = 480
	perPage        = 2 // chunks of one page among the hits: others may answer too
)

// Search returns the chunks that answer best, the best first. notes tells what could not be asked.
func (s *Store) Search(ctx context.Context, query string, f Filter, limit int) (hits []Hit, notes []string, err error) {
	if strings.TrimSpace(query) == "" {
		return nil, nil, fault.New(fault.InvalidArgument, "the query is empty")
	}
	if f.Base != "" {
		if _, err := s.Base(ctx, f.Base); err != nil {
			return nil, nil, err
		}
	}
	lists, notes, err := s.lists(ctx, query, f)
	if err != nil {
		return nil, nil, fmt.Errorf("search knowledge: %w", err)
	}
	hits, err = s.hits(ctx, fuse(lists), query, limit)
	return hits, notes, err
}

// list is one ranking.
type list struct {
	lexical bool
	chunks  []listed
}

// lists asks every shelf. Words of all shelves are one list; so are the vectors of one model.
func (s *Store) lists(ctx context.Context, query string, f Filter) (out []list, notes []string, err error) {
	words, near := list{lexical: true}, map[string]*list{}
	terms := termsOf(query)
	terms = terms[:min(len(terms), maxTerms)]
	for _, sh := range s.shelves() {
		var docs *documentSet
		if f != (Filter{}) {
			if docs, err = sh.documents(ctx, f, ""); err != nil {
				return nil, nil, err
			}
		}
		found, err := sh.lexical(ctx, terms, f, docs, listLength)
		if err != nil {
			return nil, nil, err
		}
		words.chunks = append(words.chunks, found...)
		if s.c.LexicalOnly {
			continue
		}
		model, found, note, err := s.near(ctx, sh, query, f)
		if err != nil {
			return nil, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
		if near[model] == nil {
			near[model] = &list{}
		}
		near[model].chunks = append(near[model].chunks, found...)
	}
	out = []list{words}
	for _, model := range sortedKeys(near) {
		out = append(out, *near[model])
	}
	for _, l := range out {
		slices.SortStableFunc(l.chunks, func(a, b listed) int { return cmp.Compare(b.score, a.score) })
	}
	return out, notes, nil
}

// near asks the vectors of a shelf with the model that made them. An embedder that cannot be reached leaves the words to answer.
func (s *Store) near(ctx context.Context, sh *shelf, query string, f Filter) (model string, found []listed, note string, err error) {
	e := s.c.Embedder
	if sh == s.bundled {
		e = s.c.Carried
	}
	model = e.Model().Name
	var docs *documentSet
	mixed, err := sh.mixed(ctx, model)
	if err != nil {
		return model, nil, "", err
	}
	if f != (Filter{}) || mixed {
		if docs, err = sh.documents(ctx, f, model); err != nil || docs.none() {
			return model, nil, "", err
		}
	}
	vectors, err := e.Embed(ctx, []string{query})
	if err != nil {
		if ctx.Err() != nil {
			return model, nil, "", err
		}
		return model, nil, fmt.Sprintf("searched by words alone: %v", err), nil
	}
	found, err = sh.semantic(ctx, vectors[0], model, f, docs, listLength)
	return model, found, "", err
}

// fused is a chunk with its score in all lists.
type fused struct {
	listed

	parts Parts
}

// fuse adds 1/(60+rank) over the lists, the highest sum first.
func fuse(lists []list) []fused {
	type key struct {
		shelf *shelf
		chunk int64
	}
	at := map[key]int{}
	var out []fused
	for _, l := range lists {
		for i, c := range l.chunks {
			if i >= listLength {
				break
			}
			k := key{c.shelf, c.chunk}
			if _, ok := at[k]; !ok {
				at[k] = len(out)
				out = append(out, fused{listed: listed{shelf: c.shelf, chunk: c.chunk}})
			}
			x := &out[at[k]]
			x.score += 1 / float64(fusionConstant+i+1)
			if l.lexical {
				x.parts.BM25, x.parts.BM25Rank = c.score, i+1
			} else {
				x.parts.Cosine, x.parts.CosineRank = c.score, i+1
			}
		}
	}
	slices.SortStableFunc(out, func(a, b fused) int { return cmp.Compare(b.score, a.score) })
	return out
}

// hits reads the chunks, at most perPage of a page and none that overlaps a better one.
func (s *Store) hits(ctx context.Context, all []fused, query string, limit int) ([]Hit, error) {
	terms := termsOf(query)
	var out []Hit
	for _, x := range all {
		if len(out) == limit {
			break
		}
		h, err := x.shelf.hit(ctx, x.chunk)
		if errors.Is(err, sql.ErrNoRows) { // taken away since, or left over in Lists
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a chunk: %w", err)
		}
		same := 0
		for _, o := range out {
			if o.Base == h.Base && o.Path == h.Path {
				same++
				if h.Start <= o.End && o.Start <= h.End {
					same = perPage
				}
			}
		}
		if same >= perPage {
			continue
		}
		h.Score, h.Parts, h.Snippet = x.score, x.parts, snippet(h.Text, terms)
		out = append(out, h)
	}
	return out, nil
}

func (s *shelf) hit(ctx context.Context, chunk int64) (Hit, error) {
	db, err := s.handle(ctx)
	if err != nil {
		return Hit{}, err
	}
	var h Hit
	var text string
	err = db.QueryRowContext(ctx, `SELECT b.name, d.path, d.kind, d.title, c.heading, c.start_line, c.end_line, d.hidden, d.text FROM chunks c
		JOIN documents d ON d.id = c.document JOIN bases b ON b.id = d.base WHERE c.id = ?`, chunk).
		Scan(&h.Base, &h.Path, &h.Kind, &h.Title, &h.Heading, &h.Start, &h.End, &h.Hidden, &text)
	if err != nil {
		return Hit{}, err
	}
	lines := strings.Split(text, "\n")
	h.Text = strings.Join(lines[min(h.Start-1, len(lines)):min(h.End, len(lines))], "\n")
	return h, nil
}

// stopWords say nothing about what is asked: Lucene's English list and the words questions are made of.
var stopWords = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
		will with how what why when where which who do does did can could should would i my me we our you your has have had its from about please`) {
		out[w] = true
	}
	return out
}()

// termsOf returns the words of a query that say something, in small letters; all words if none does.
func termsOf(query string) []string {
	all := strings.FieldsFunc(strings.ToLower(query), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) })
	said := slices.DeleteFunc(slices.Clone(all), func(w string) bool { return stopWords[w] })
	if len(said) == 0 {
		said = all
	}
	slices.Sort(said)
	return slices.Compact(said)
}

// maxTerms bounds a query of words: more are a pasted log, whose first words say enough.
const maxTerms = 64

// matchOf writes a query for FTS5: any of the words, each quoted.
func matchOf(terms []string) string {
	return `"` + strings.Join(terms, `" OR "`) + `"`
}

// snippet returns whole lines of a text, from the densest in terms, within snippetBytes.
func snippet(text string, terms []string) string {
	lines := strings.Split(text, "\n")
	best, from := -1.0, 0
	for i := range lines {
		score, size := 0.0, 0
		seen := map[string]bool{}
		for j := i; j < len(lines) && size < snippetBytes; j++ {
			size += len(lines[j]) + 1
			low := strings.ToLower(lines[j])
			for _, t := range terms {
				if !seen[t] && strings.Contains(low, stem(t)) {
					seen[t] = true
					score++
				}
			}
		}
		if score > best {
			best, from = score, i
		}
	}
	return cutBytes(strings.TrimSpace(strings.Join(lines[from:], "\n")), snippetBytes)
}

// stem takes common endings off, so that "regions" finds "region".
func stem(t string) string {
	for _, end := range []string{"ing", "ies", "es", "ed", "s"} {
		if len(t) > len(end)+3 && strings.HasSuffix(t, end) {
			return t[:len(t)-len(end)]
		}
	}
	return t
}

// cutBytes shortens a text at a rune, with an ellipsis.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
