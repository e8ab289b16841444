package minilm_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/embed/kernel"
	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
)

// lines reads a compressed file of testdata line by line.
func lines(t *testing.T, name string, each func(line []byte)) {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		each(s.Bytes())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestTokensEqualTheReferenceOnEveryRecordedText(t *testing.T) {
	e, n := minilm.New(minilm.Config{}), 0
	lines(t, "tokens.jsonl.gz", func(line []byte) {
		var pair [2]json.RawMessage
		var text string
		var want []int32
		if err := errors.Join(json.Unmarshal(line, &pair), json.Unmarshal(pair[0], &text), json.Unmarshal(pair[1], &want)); err != nil {
			t.Fatal(err)
		}
		got, err := e.Tokens(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("text %d %.80q:\ngot  %v\nwant %v, error %v", n, text, got, want, err)
		}
		n++
	})
	if n < 2000 {
		t.Errorf("%d texts, want 2000 or more", n)
	}
}

func TestEveryCodePointIsClassedAsTheReferenceDoes(t *testing.T) {
	want, err := os.ReadFile("testdata/sweep.txt")
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	add := func(from, to rune) {
		for c := from; c < to; c++ {
			if 0xD800 <= c && c < 0xE000 || c == 0x11938 {
				continue
			}
			fmt.Fprintf(h, "%X:%s\n", c, strings.Join(minilm.Split("a"+string(c)+"b"), "|"))
		}
	}
	add(1, 0x32000)
	add(0xE0000, 0xE1000)
	if got := fmt.Sprintf("%x\n", h.Sum(nil)); got != string(want) {
		t.Errorf("digest %s, recorded %s: compare code point by code point with bench/embed/record.py", got, want)
	}
}

// vectors reads the texts and the fp32 reference's vectors of them.
func vectors(t *testing.T) (texts []string, want [][]float32) {
	t.Helper()
	lines(t, "texts.jsonl.gz", func(line []byte) {
		var text string
		if err := json.Unmarshal(line, &text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	})
	f, err := os.Open("testdata/vectors.f16")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range texts {
		raw := make([]byte, 2*minilm.Dimension)
		if _, err := io.ReadFull(f, raw); err != nil {
			t.Fatal(err)
		}
		v := make([]float32, minilm.Dimension)
		for i := range v {
			v[i] = half(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		want = append(want, v)
	}
	return texts, want
}

// half reads an IEEE 754 half.
func half(b uint16) float32 {
	sign, exponent, fraction := float64(1), int(b>>10&31), float64(b&1023)
	if b>>15 == 1 {
		sign = -1
	}
	if exponent == 0 {
		return float32(sign * math.Ldexp(fraction, -24))
	}
	return float32(sign * math.Ldexp(1024+fraction, exponent-25))
}

func cosine(a, b []float32) float64 {
	dot, x, y := 0.0, 0.0, 0.0
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		x += float64(a[i]) * float64(a[i])
		y += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(x*y)
}

func TestVectorsAgreeWithTheFP32Reference(t *testing.T) {
	texts, want := vectors(t)
	got, err := minilm.New(minilm.Config{}).Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	least, sum := 1.0, 0.0
	for i := range want {
		c := cosine(got[i], want[i])
		least, sum = min(least, c), sum+c
		if !(c >= 0.999) {
			t.Errorf("text %d %.60q: cosine %.5f", i, texts[i], c)
		}
	}
	t.Logf("%d texts: cosine at least %.5f, mean %.5f", len(texts), least, sum/float64(len(want)))
}

func TestThePortableLoopsGiveTheSameVectors(t *testing.T) {
	texts, want := vectors(t)
	texts, want = texts[:12], want[:12]
	got, err := minilm.New(minilm.Config{Kernel: kernel.Portable()}).Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	fast, err := minilm.New(minilm.Config{Workers: 1}).Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if c := cosine(got[i], want[i]); !(c >= 0.999) {
			t.Errorf("text %d: cosine %.5f with the reference", i, c)
		}
		if c := cosine(got[i], fast[i]); !(c >= 0.99999) {
			t.Errorf("text %d: cosine %.7f with the fast loops", i, c)
		}
	}
}

func TestAVectorDoesNotDependOnItsNeighbours(t *testing.T) {
	texts, _ := vectors(t)
	texts = texts[20:60]
	e := minilm.New(minilm.Config{})
	together, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(texts); i += 7 {
		alone, err := e.Embed(t.Context(), texts[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], together[i]) {
			t.Errorf("text %d: alone and in a batch differ, cosine %.8f", i, cosine(alone[0], together[i]))
		}
	}
}

func TestTextsThatAreOddGiveUnitVectors(t *testing.T) {
	e := minilm.New(minilm.Config{})
	got, err := e.Embed(t.Context(), []string{"", "\x00\x01", "\xff\xfe broken", strings.Repeat("word ", 100_000), strings.Repeat("x", 1<<20)})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if c := cosine(v, v); len(v) != minilm.Dimension || math.Abs(c-1) > 1e-5 {
			t.Errorf("text %d: %d values, self-cosine %g", i, len(v), c)
		}
	}
	if none, err := e.Embed(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("no texts: %v, %v", none, err)
	}
}

func TestALongTextIsCutAtTheModelsLimit(t *testing.T) {
	e := minilm.New(minilm.Config{})
	ids, err := e.Tokens(strings.Repeat("word ", 1000))
	if err != nil || len(ids) != minilm.MaxTokens {
		t.Errorf("%d tokens, error %v; want %d", len(ids), err, minilm.MaxTokens)
	}
}

func TestEncodingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := minilm.New(minilm.Config{}).Embed(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

func BenchmarkEncode(b *testing.B) {
	e := minilm.New(minilm.Config{Workers: 1})
	for _, n := range []int{12, 65, 250} {
		b.Run(fmt.Sprintf("%d tokens", n), func(b *testing.B) {
			text := []string{strings.Repeat("word ", n-2)}
			for b.Loop() {
				if _, err := e.Embed(b.Context(), text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
