package minilm

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/embed/kernel"
)

// batchTokens bounds a batch: enough rows to use each loaded weight often, few enough for the caches, and room for the
// longest text.
const batchTokens = MaxTokens

// Config of an Encoder.
type Config struct {
	Workers int        // batches encoded at once; 0 = all processors
	Kernel  kernel.Set // loops to use; the zero value = the fastest
}

// Encoder turns texts into vectors. It is safe for several goroutines; nothing is loaded before the first Embed.
type Encoder struct {
	set     kernel.Set
	workers int
	load    func() (*model, error)
	scratch sync.Pool
}

// model is what the first use loads.
type model struct {
	*weights

	tokens *Tokenizer
}

// New returns an encoder.
func New(c Config) *Encoder {
	e := &Encoder{set: c.Kernel, workers: c.Workers}
	if e.workers <= 0 {
		e.workers = runtime.GOMAXPROCS(0)
	}
	if e.set.Gemm == nil {
		e.set = kernel.Best()
	}
	e.load = sync.OnceValues(func() (*model, error) {
		w, err := read(file)
		if err != nil {
			return nil, err
		}
		return &model{w, newTokenizer(w.vocabulary)}, nil
	})
	e.scratch.New = func() any { return newScratch() }
	return e
}

// Tokens returns the tokens of a text, as Embed reads it.
func (e *Encoder) Tokens(text string) ([]int32, error) {
	m, err := e.load()
	if err != nil {
		return nil, err
	}
	return m.tokens.Encode(text), nil
}

// Count returns how many tokens of a text the model reads, [CLS] and [SEP] not counted: at most MaxTokens-2. It counts words where
// the model cannot be read, which Embed then tells.
func (e *Encoder) Count(text string) int {
	ids, err := e.Tokens(text)
	if err != nil {
		return len(strings.Fields(text))
	}
	return len(ids) - 2
}

// Model names the model and its dimension.
func (e *Encoder) Model() embed.Model { return embed.Model{Name: Name, Dimension: Dimension} }

// Embed returns a vector of length one for each text. It stops between batches when the context ends.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	m, err := e.load()
	if err != nil {
		return nil, err
	}
	sequences := make([]sequence, len(texts))
	for i, t := range texts {
		sequences[i] = sequence{i, m.tokens.Encode(t)}
	}
	out := make([][]float32, len(texts))
	work := make(chan []sequence)
	var wait sync.WaitGroup
	for range min(e.workers, len(texts)) {
		wait.Go(func() {
			s := e.scratch.Get().(*scratch) // the pool makes nothing else
			defer e.scratch.Put(s)
			for batch := range work {
				e.forward(m, s, batch, out)
			}
		})
	}
	err = feed(ctx, batches(sequences, e.workers), work)
	close(work)
	wait.Wait()
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return out, nil
}

func feed(ctx context.Context, all [][]sequence, work chan<- []sequence) error {
	for _, b := range all {
		select {
		case work <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// sequence is a text on its way: its place among the texts and its tokens.
type sequence struct {
	index  int
	tokens []int32
}

// batches groups texts of like length, the longest first, so that workers end together. Few texts are spread over the workers.
func batches(all []sequence, workers int) [][]sequence {
	total := 0
	for _, s := range all {
		total += len(s.tokens)
	}
	bound := min(batchTokens, max(total/workers, 1))
	slices.SortStableFunc(all, func(a, b sequence) int { return len(b.tokens) - len(a.tokens) })
	var out [][]sequence
	for len(all) > 0 {
		n, rows := 1, len(all[0].tokens)
		for n < len(all) && rows+len(all[n].tokens) <= bound {
			rows += len(all[n].tokens)
			n++
		}
		out = append(out, all[:n])
		all = all[n:]
	}
	return out
}

// scratch is the memory of one worker, in rows of tokens. Rows are padded to whole blocks.
type scratch struct {
	x, y, qkv, inner []float32
	quantised        []int16
	scale            []float32
	keys, scores     []float32
	context          []float32
	zero             []float32
}

const maxRows = batchTokens + 2*kernel.Rows

func newScratch() *scratch {
	return &scratch{
		x: make([]float32, maxRows*Dimension), y: make([]float32, maxRows*Dimension), qkv: make([]float32, maxRows*3*Dimension),
		inner: make([]float32, maxRows*inner), quantised: make([]int16, maxRows*inner), scale: make([]float32, maxRows),
		keys: make([]float32, headSize*(MaxTokens+kernel.Panel)), scores: make([]float32, kernel.Rows*(MaxTokens+kernel.Panel)),
		context: make([]float32, kernel.Rows*headSize), zero: make([]float32, Dimension),
	}
}

// forward encodes one batch.
func (e *Encoder) forward(m *model, s *scratch, batch []sequence, out [][]float32) {
	rows := 0
	for _, q := range batch {
		for i, id := range q.tokens {
			m.embed(s.x[(rows+i)*Dimension:][:Dimension], id, i)
			e.set.AddNorm(s.x[(rows+i)*Dimension:][:Dimension], s.zero, m.embedded.gamma, m.embedded.beta)
		}
		rows += len(q.tokens)
	}
	for i := range m.layers {
		e.layer(&m.layers[i], s, batch, rows)
	}
	at := 0
	for _, q := range batch {
		out[q.index] = pool(s.x[at*Dimension:][:len(q.tokens)*Dimension])
		at += len(q.tokens)
	}
}

// embed writes the sum of the embeddings of a token, its position and type 0.
func (w *weights) embed(x []float32, id int32, position int) {
	word, ws := w.words[id], w.wordScale[id]
	place, ps := w.positions[position], w.positionScale[position]
	for i := range x {
		x[i] = float32(int8(word[i]))*ws + float32(int8(place[i]))*ps + w.kind[i]
	}
}

func (e *Encoder) layer(l *layer, s *scratch, batch []sequence, rows int) {
	e.linear(&l.qkv, s, s.x, s.qkv, rows)
	at := 0
	for _, q := range batch {
		for h := range heads {
			e.attend(s, at, len(q.tokens), h)
		}
		at += len(q.tokens)
	}
	// s.inner holds what the heads attended to, Dimension wide.
	e.linear(&l.out, s, s.inner, s.y, rows)
	e.addNorm(s, rows, l.attended)
	e.linear(&l.up, s, s.x, s.inner, rows)
	for r := range rows {
		e.set.GELU(s.inner[r*inner:][:inner])
	}
	e.linear(&l.down, s, s.inner, s.y, rows)
	e.addNorm(s, rows, l.forwarded)
}

// addNorm makes s.x the norm of s.x + s.y, row by row.
func (e *Encoder) addNorm(s *scratch, rows int, n layerNorm) {
	for r := range rows {
		e.set.AddNorm(s.x[r*Dimension:][:Dimension], s.y[r*Dimension:][:Dimension], n.gamma, n.beta)
	}
}

// blockRows is how many rows pass a panel before the next panel: their activations stay in the second-level cache.
const blockRows = 8 * kernel.Rows

// linear computes out = m(x) for rows of m.k inputs, packed one after the other.
func (e *Encoder) linear(m *matrix, s *scratch, x, out []float32, rows int) {
	for r := range rows {
		s.scale[r] = e.set.Quantise(x[r*m.k:][:m.k], m.limit, s.quantised[r*m.k:][:m.k])
	}
	padded := (rows + kernel.Rows - 1) / kernel.Rows * kernel.Rows
	clear(s.scale[rows:padded]) // rows of padding come out as the bias
	for from := 0; from < padded; from += blockRows {
		to := min(from+blockRows, padded)
		for p := 0; p < m.n; p += kernel.Panel {
			w := m.w[p*m.k:][:kernel.Panel*m.k]
			for r := from; r < to; r += kernel.Rows {
				e.set.Gemm(s.quantised[r*m.k:], m.k, w, m.k/2, s.scale[r:], m.scale[p:], m.bias[p:], out[r*m.n+p:], m.n)
			}
		}
	}
}

// attend computes one head of one text: rows at..at+n of s.qkv to s.inner (Dimension wide). The query carries the factor
// 1/sqrt(headSize) already.
func (e *Encoder) attend(s *scratch, at, n, head int) {
	const stride = 3 * Dimension
	base, column := at*stride, head*headSize
	wide := (n + kernel.Panel - 1) / kernel.Panel * kernel.Panel
	keys := s.keys[:headSize*wide]
	for i := range n { // the keys, transposed
		for k, v := range s.qkv[base+i*stride+Dimension+column:][:headSize] {
			keys[k*wide+i] = v
		}
	}
	for k := range headSize {
		clear(keys[k*wide+n : (k+1)*wide])
	}
	values := s.qkv[base+2*Dimension+column:]
	for r := 0; r < n; r += kernel.Rows {
		query := s.qkv[base+r*stride+column:]
		for c := 0; c < wide; c += kernel.Panel {
			e.set.MatMul(query, stride, keys[c:], wide, headSize, s.scores[c:], wide)
		}
		var inverse [kernel.Rows]float32
		for i := range kernel.Rows {
			row := s.scores[i*wide:][:wide]
			for j := n; j < wide; j++ {
				row[j] = masked
			}
			inverse[i] = 1 / e.set.ExpSum(row)
		}
		for c := 0; c < headSize; c += kernel.Panel {
			e.set.MatMul(s.scores, wide, values[c:], stride, n, s.context[c:], headSize)
		}
		for i := range min(kernel.Rows, n-r) {
			to := s.inner[(at+r+i)*Dimension+column:][:headSize]
			for j, v := range s.context[i*headSize:][:headSize] {
				to[j] = v * inverse[i]
			}
		}
	}
}

// masked is the score of a column of padding: its exponential is nothing.
const masked = -1e30

// pool returns the mean of the rows, scaled to length one.
func pool(x []float32) []float32 {
	out := make([]float32, Dimension)
	for at := 0; at < len(x); at += Dimension {
		for i, v := range x[at:][:Dimension] {
			out[i] += v
		}
	}
	square := 0.0
	for _, v := range out {
		square += float64(v) * float64(v)
	}
	inverse := float32(1 / math.Sqrt(max(square, math.SmallestNonzeroFloat64)))
	for i := range out {
		out[i] *= inverse
	}
	return out
}
