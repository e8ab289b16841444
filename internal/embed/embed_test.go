package embed_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	"github.com/plumbline-mcp/plumbline/internal/fault"
)

func TestRankPutsTheNearestMeaningFirst(t *testing.T) {
	texts := []string{"the disk of the node is full", "payment was accepted", "no space left on device /dev/sda1", "user logged in"}
	got, err := embed.Rank(t.Context(), minilm.New(minilm.Config{Workers: 1}), "out of disk space", texts)
	if err != nil || len(got) != 4 {
		t.Fatalf("%v, %v", got, err)
	}
	if got[0].Index+got[1].Index != 2 || got[0].Score < got[1].Score || got[1].Score < 0.4 || got[2].Score > 0.3 {
		t.Errorf("ranked %v: want texts 0 and 2 first, far before the others", got)
	}
}

func TestAnIndexFindsWhatAnExactSearchFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, dim := range []int{384, 100, 1536} {
		const n = 9000
		x, all := embed.NewIndex(n, dim), make([][]float32, n)
		for i := range all {
			all[i] = direction(r, dim)
			if !x.Add(embed.Pack(all[i])) {
				t.Fatalf("dimension %d was refused", dim)
			}
		}
		query := direction(r, dim)
		odd := func(i int) bool { return i%2 == 1 }
		for _, keep := range []func(int) bool{nil, odd} {
			best, at := -2.0, -1
			for i, v := range all {
				if d := embed.Dot(query, v); d > best && (keep == nil || keep(i)) {
					best, at = d, i
				}
			}
			got := x.Nearest(query, 10, keep)
			if len(got) != 10 || got[0].Index != at && math.Abs(got[0].Score-best) > 0.002 || math.Abs(got[0].Score-embed.Dot(query, all[got[0].Index])) > 0.003 {
				t.Errorf("dimension %d: got %v, want %d with %.4f first", dim, got, at, best)
			}
			for i := 1; i < len(got); i++ {
				if got[i].Score > got[i-1].Score {
					t.Errorf("dimension %d: not in order: %v", dim, got)
				}
			}
		}
		if x.Nearest(query[:dim/2], 1, nil) != nil || x.Add(embed.Pack(query[:dim/2])) {
			t.Error("another dimension must be refused")
		}
	}
}

func direction(r *rand.Rand, n int) []float32 {
	v, square := make([]float32, n), 0.0
	for i := range v {
		v[i] = float32(r.NormFloat64())
		square += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(square))
	}
	return v
}

// service answers like the named interfaces; a text's vector is (length, 1, 1).
func service(t *testing.T) *httptest.Server {
	t.Helper()
	vector := func(text string) []float64 { return []float64{float64(len(text)), 1, 1} }
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("POST /v1/embeddings", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Model string
			Input []string
		}
		json.NewDecoder(r.Body).Decode(&in)
		if r.Header.Get("Authorization") != "Bearer key" {
			http.Error(w, `{"error":"no key"}`, http.StatusUnauthorized)
			return
		}
		var data []map[string]any
		for i, text := range slices.Backward(in.Input) { // in any order
			data = append(data, map[string]any{"index": i, "embedding": vector(text)})
		}
		answer(w, map[string]any{"data": data})
	})
	mux.HandleFunc("POST /model/{model}/invoke", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			InputText string   `json:"inputText"`
			Texts     []string `json:"texts"`
		}
		json.NewDecoder(r.Body).Decode(&in)
		if strings.HasPrefix(r.PathValue("model"), "amazon.titan") {
			answer(w, map[string]any{"embedding": vector(in.InputText)})
			return
		}
		var all [][]float64
		for _, text := range in.Texts {
			all = append(all, vector(text))
		}
		answer(w, map[string]any{"embeddings": map[string]any{"float": all}})
	})
	mux.HandleFunc("POST /_plugins/_ml/_predict/text_embedding/m1", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Docs []string `json:"text_docs"`
		}
		json.NewDecoder(r.Body).Decode(&in)
		var results []any
		for _, text := range in.Docs {
			results = append(results, map[string]any{"output": []any{map[string]any{"name": "sentence_embedding", "data": vector(text)}}})
		}
		answer(w, map[string]any{"inference_results": results})
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestEveryServiceGivesUnitVectorsInOrderAndTellsItsDimension(t *testing.T) {
	s := service(t)
	for name, e := range map[string]embed.Embedder{
		"openai": embed.NewOpenAI(embed.OpenAIConfig{URL: s.URL + "/v1/", Key: "key", Model: "text-embedding-3-small", HTTP: s.Client()}),
		"titan":  embed.NewBedrock(embed.BedrockConfig{URL: s.URL, Model: "amazon.titan-embed-text-v2:0", HTTP: s.Client()}),
		"cohere": embed.NewBedrock(embed.BedrockConfig{URL: s.URL, Model: "cohere.embed-english-v3", HTTP: s.Client()}),
		"ml":     embed.NewMLCommons(embed.MLCommonsConfig{URL: s.URL, Model: "m1", HTTP: s.Client()}),
	} {
		t.Run(name, func(t *testing.T) {
			texts := make([]string, 101) // more than one request
			for i := range texts {
				texts[i] = strings.Repeat("x", i+1)
			}
			got, err := e.Embed(t.Context(), texts)
			if err != nil || len(got) != len(texts) {
				t.Fatalf("%d vectors, %v", len(got), err)
			}
			for i, v := range got {
				long := math.Sqrt(float64((i+1)*(i+1) + 2))
				want := []float32{float32(float64(i+1) / long), float32(1 / long), float32(1 / long)}
				for k := range want {
					if math.Abs(float64(v[k]-want[k])) > 1e-6 {
						t.Fatalf("text %d: %v, want %v", i, v, want)
					}
				}
			}
			if d := e.Model().Dimension; d != 3 {
				t.Errorf("dimension %d, want 3", d)
			}
		})
	}
}

func TestAServicesFailureSaysWhatToDo(t *testing.T) {
	s := service(t)
	odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"data":[{"index":7,"embedding":[1]}]}`)
	}))
	defer odd.Close()
	for name, c := range map[string]struct {
		e    embed.Embedder
		code fault.Code
	}{
		"no key":          {embed.NewOpenAI(embed.OpenAIConfig{URL: s.URL + "/v1", Model: "m", HTTP: s.Client()}), fault.PermissionDenied},
		"wrong place":     {embed.NewOpenAI(embed.OpenAIConfig{URL: s.URL + "/v2", Model: "m", HTTP: s.Client()}), fault.NotFound},
		"wrong reply":     {embed.NewOpenAI(embed.OpenAIConfig{URL: odd.URL, Model: "m", HTTP: s.Client()}), fault.Unavailable},
		"empty reply":     {embed.NewMLCommons(embed.MLCommonsConfig{URL: odd.URL, Model: "m", HTTP: s.Client()}), fault.Unavailable},
		"nobody there":    {embed.NewOpenAI(embed.OpenAIConfig{URL: "http://127.0.0.1:1", Model: "m", HTTP: s.Client()}), fault.Unavailable},
		"unknown family":  {embed.NewBedrock(embed.BedrockConfig{URL: s.URL, Model: "other.model", HTTP: s.Client()}), fault.Unsupported},
		"other dimension": {embed.NewBedrock(embed.BedrockConfig{URL: s.URL, Model: "amazon.titan-embed-text-v1", Dimension: 5, HTTP: s.Client()}), fault.Unavailable},
	} {
		if _, err := c.e.Embed(t.Context(), []string{"a"}); fault.CodeOf(err) != c.code {
			t.Errorf("%s: got %v with code %s, want %s", name, err, fault.CodeOf(err), c.code)
		}
	}
}

func TestPackingKeepsADirection(t *testing.T) {
	p := embed.Pack([]float32{0.5, -1, 0})
	if diff := cmp.Diff([]int8{64, -127, 0}, p.Values[:3]); diff != "" || len(p.Values) != 16 {
		t.Errorf("%d values, %s", len(p.Values), diff)
	}
	if z := embed.Pack(make([]float32, 16)); z.Scale != 0 {
		t.Errorf("zeros have scale %g", z.Scale)
	}
}

func BenchmarkNearest(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x := embed.NewIndex(50_000, 384)
	for range 50_000 {
		x.Add(embed.Pack(direction(r, 384)))
	}
	q := direction(r, 384)
	for b.Loop() {
		x.Nearest(q, 100, nil)
	}
}
