package minilm

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-mcp/plumbline/internal/embed/kernel"
)

// file is what bench/embed/convert wrote; its layout is told there.
//
//go:embed model/minilm.bin
var file []byte

// Name is the model's name as others write it.
const Name = "all-MiniLM-L6-v2"

// Shape of the model, from its config.json. The loops are written for it; another shape is refused when the file is read.
const (
	Dimension = 384
	heads     = 12
	headSize  = Dimension / heads
	layers    = 6
	inner     = 1536
)

// matrix is one linear map: n outputs of k inputs.
type matrix struct {
	n, k        int
	w           []int16   // panels of kernel.Panel outputs
	scale, bias []float32 // by output
	limit       int32     // largest activation for which no sum leaves 32 bits
}

type layerNorm struct{ gamma, beta []float32 }

type layer struct {
	qkv, out, up, down  matrix
	attended, forwarded layerNorm
}

type weights struct {
	words, positions         []int8View
	wordScale, positionScale []float32
	kind                     []float32 // embedding of token type 0
	embedded                 layerNorm
	layers                   [layers]layer
	vocabulary               string
}

// int8View is a row of the embedded file, read as signed bytes.
type int8View []byte

var errLength = errors.New("the file has not the length of its shape")

// reader takes the file apart. The file is part of the program, so a short one is a bug of the build; the first error is kept.
type reader struct {
	b   []byte
	err error
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.err = errors.Join(r.err, fmt.Errorf("%d bytes wanted, %d left", n, len(r.b)))
		return make([]byte, n)
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) floats(n int) []float32 {
	b, out := r.bytes(4*n), make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func (r *reader) sized() []byte { return r.bytes(int(binary.LittleEndian.Uint32(r.bytes(4)))) }

func (r *reader) norm() layerNorm { return layerNorm{r.floats(Dimension), r.floats(Dimension)} }

func (r *reader) table(n int) ([]int8View, []float32) {
	rows := make([]int8View, n)
	for i := range rows {
		rows[i] = r.bytes(Dimension)
	}
	return rows, r.floats(n)
}

// matrix joins the two planes of a matrix to 16-bit values.
func (r *reader) matrix(n, k int) matrix {
	m := matrix{n: n, k: k, scale: r.floats(n), bias: r.floats(n), w: make([]int16, n*k)}
	high, low := r.bytes(n*k), r.bytes(n*k/4)
	for i := range low {
		h, l := (*[4]byte)(high[4*i:]), low[i]
		w := (*[4]int16)(m.w[4*i:])
		w[0] = int16(int8(h[0]))<<2 | int16(l&3)
		w[1] = int16(int8(h[1]))<<2 | int16(l>>2&3)
		w[2] = int16(int8(h[2]))<<2 | int16(l>>4&3)
		w[3] = int16(int8(h[3]))<<2 | int16(l>>6)
	}
	m.limit = limit(m.w, k)
	return m
}

// maxActivation leaves the sign and, with the widest weights, half of the room of 16 bits: products of pairs stay exact.
const maxActivation = 16383

// limit returns the largest activation that no output can carry out of 32 bits.
func limit(w []int16, k int) int32 {
	top := int64(1)
	for panel := 0; panel < len(w); panel += k * kernel.Panel {
		var sums [kernel.Panel]int64
		for i, v := range w[panel : panel+k*kernel.Panel] {
			sums[i/2%kernel.Panel] += int64(max(v, -v))
		}
		for _, s := range sums {
			top = max(top, s)
		}
	}
	return int32(min(maxActivation, math.MaxInt32/top))
}

func read(b []byte) (*weights, error) {
	r, w := &reader{b: b}, &weights{}
	if magic := string(r.bytes(8)); magic != "PLBERT1\n" {
		return nil, fmt.Errorf("read model: magic %q", magic)
	}
	var header struct {
		Dimension  int `json:"dimension"`
		Heads      int `json:"heads"`
		Layers     int `json:"layers"`
		Inner      int `json:"inner"`
		Positions  int `json:"positions"`
		Vocabulary int `json:"vocabulary"`
	}
	if err := json.Unmarshal(r.sized(), &header); err != nil {
		return nil, fmt.Errorf("read model: header: %w", err)
	}
	if header.Dimension != Dimension || header.Heads != heads || header.Layers != layers || header.Inner != inner || header.Positions < MaxTokens {
		return nil, fmt.Errorf("read model: shape %+v", header)
	}
	w.vocabulary = string(r.sized())
	w.words, w.wordScale = r.table(header.Vocabulary)
	w.positions, w.positionScale = r.table(header.Positions)
	w.kind, w.embedded = r.floats(Dimension), r.norm()
	for i := range w.layers {
		w.layers[i] = layer{
			qkv: r.matrix(3*Dimension, Dimension), out: r.matrix(Dimension, Dimension), attended: r.norm(),
			up: r.matrix(inner, Dimension), down: r.matrix(Dimension, inner), forwarded: r.norm(),
		}
	}
	if r.err != nil || len(r.b) > 0 {
		return nil, fmt.Errorf("read model: %d bytes too many: %w", len(r.b), errors.Join(r.err, errLength))
	}
	return w, nil
}
