// Command knowledge measures the knowledge base: relevance on a judged collection through the very path of knowledge_search,
// the time to index, and the time of a search over many chunks.
//
//	go run ./bench/knowledge [-collection ../shared/fixtures/relevance/vaswani-npl] [-store DIR] [-chunks 50000]
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/embed"
	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	"github.com/plumbline-mcp/plumbline/internal/knowledge"
)

// goal is the hybrid nDCG@10 to reach on vaswani.
const goal = 0.485

func main() {
	collection := flag.String("collection", "../shared/fixtures/relevance/vaswani-npl", "corpus.jsonl, queries.jsonl, qrels.tsv")
	dir := flag.String("store", "", "keep the index here; a temporary directory if empty")
	chunks := flag.Int("chunks", 50_000, "chunks of the timed search; 0 = none")
	flag.Parse()
	if err := run(context.Background(), *collection, *dir, *chunks); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, collection, dir string, chunks int) error {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "plumbline-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	if err := relevance(ctx, collection, dir); err != nil {
		return err
	}
	if chunks > 0 {
		return speed(ctx, dir, chunks)
	}
	return nil
}

func open(dir string, e embed.Embedder, lexical bool) *knowledge.Store {
	return knowledge.New(knowledge.Config{File: filepath.Join(dir, "knowledge.db"), Embedder: e, Carried: e, Count: count(e), Now: time.Now, LexicalOnly: lexical})
}

func count(e embed.Embedder) knowledge.Counter {
	if m, ok := e.(*minilm.Encoder); ok {
		return m.Count
	}
	return func(s string) int { return len(strings.Fields(s)) }
}

// relevance indexes a collection, a file a document, and scores both the words alone and the fusion.
func relevance(ctx context.Context, collection, dir string) error {
	files := filepath.Join(dir, "files")
	if err := unpack(filepath.Join(collection, "corpus.jsonl"), files); err != nil {
		return err
	}
	e := minilm.New(minilm.Config{})
	s := open(dir, e, false)
	began, cpu := time.Now(), cpuTime()
	report, err := s.Update(ctx, knowledge.Source{Name: "collection", Kind: knowledge.KindPath, Location: files})
	if err != nil {
		return err
	}
	if report.Changed > 0 {
		used := (cpuTime() - cpu).Seconds()
		fmt.Printf("indexed %d chunks: %.0f s, %.0f s of CPU, %.1f s of CPU for 2000 chunks (goal 180)\n", report.Chunks, time.Since(began).Seconds(), used, used*2000/float64(report.Chunks))
	}
	judged, err := judgements(filepath.Join(collection, "qrels.tsv"))
	if err != nil {
		return err
	}
	var failed error
	for _, way := range []struct {
		name    string
		lexical bool
	}{{"words alone", true}, {"hybrid", false}} {
		w := open(dir, e, way.lexical)
		score, median, err := evaluate(ctx, w, filepath.Join(collection, "queries.jsonl"), judged)
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
		fmt.Printf("%-12s nDCG@10 %.4f, search p50 %.1f ms\n", way.name, score, median)
		if !way.lexical && score < goal {
			failed = fmt.Errorf("hybrid nDCG@10 %.4f, goal %.3f", score, goal)
		}
	}
	return errors.Join(failed, s.Close())
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// record is a line of corpus.jsonl or queries.jsonl.
type record struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

func records(name string, each func(record) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var r record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return s.Err()
}

func unpack(corpus, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return records(corpus, func(r record) error {
		return os.WriteFile(filepath.Join(dir, r.ID+".txt"), []byte(strings.TrimSpace(r.Title+"\n"+r.Text)+"\n"), 0o644)
	})
}

func judgements(name string) (map[string]map[string]float64, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]float64{}
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		f := strings.Split(line, "\t")
		if i == 0 || len(f) < 3 {
			continue
		}
		grade, err := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]float64{}
		}
		out[f[0]][f[1]] = grade
	}
	return out, nil
}

// evaluate returns the mean nDCG@10 (linear gain, as trec_eval) and the median time of a search in milliseconds.
func evaluate(ctx context.Context, s *knowledge.Store, queries string, judged map[string]map[string]float64) (score, median float64, err error) {
	n := 0
	var times []float64
	err = records(queries, func(r record) error {
		if len(judged[r.ID]) == 0 {
			return nil
		}
		began := time.Now()
		hits, _, err := s.Search(ctx, r.Text, knowledge.Filter{Base: "collection"}, 10)
		if err != nil {
			return err
		}
		times = append(times, time.Since(began).Seconds()*1e3)
		var ids []string
		for _, h := range hits {
			ids = append(ids, strings.TrimSuffix(h.Path, ".txt"))
		}
		score += ndcg(ids, judged[r.ID])
		n++
		return nil
	})
	if err != nil || n == 0 {
		return 0, 0, cmp.Or(err, errors.New("no judged query"))
	}
	slices.Sort(times)
	return score / float64(n), times[len(times)/2], nil
}

func ndcg(ids []string, grades map[string]float64) float64 {
	gain := 0.0
	for i, id := range ids[:min(len(ids), 10)] {
		gain += grades[id] / math.Log2(float64(i)+2)
	}
	best := []float64{}
	for _, g := range grades {
		best = append(best, g)
	}
	slices.Sort(best)
	slices.Reverse(best)
	ideal := 0.0
	for i, g := range best[:min(len(best), 10)] {
		ideal += g / math.Log2(float64(i)+2)
	}
	return gain / ideal
}

// random embeds every text as an unlike direction: for timing alone.
type random struct{ r *rand.Rand }

func (random) Model() embed.Model { return embed.Model{Name: "random", Dimension: minilm.Dimension} }

func (x random) Embed(_ context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = make([]float32, minilm.Dimension)
		for k := range out[i] {
			out[i][k] = float32(x.r.NormFloat64())
		}
	}
	return out, nil
}

// speed times searches over many chunks of made-up words and random vectors.
func speed(ctx context.Context, dir string, n int) error {
	files := filepath.Join(dir, "made")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("w%d", int(math.Pow(r.Float64(), 3)*20_000)) }
	const perFile = 50
	for i := range n / perFile {
		var b strings.Builder
		for c := range perFile {
			fmt.Fprintf(&b, "# part %d of %d\n\n", c, i)
			for range 130 {
				b.WriteString(word() + " ")
			}
			b.WriteString("\n\n")
		}
		if err := os.WriteFile(filepath.Join(files, fmt.Sprintf("%05d.md", i)), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	s := open(filepath.Join(dir, "speed"), random{r}, false)
	report, err := s.Update(ctx, knowledge.Source{Name: "made", Kind: knowledge.KindPath, Location: files})
	if err != nil {
		return err
	}
	var first float64
	var times []float64
	for i := range 101 {
		query := word() + " " + word() + " " + word()
		began := time.Now()
		if _, _, err := s.Search(ctx, query, knowledge.Filter{}, 5); err != nil {
			return err
		}
		ms := time.Since(began).Seconds() * 1e3
		if i == 0 {
			first = ms
			continue
		}
		times = append(times, ms)
	}
	slices.Sort(times)
	fmt.Printf("search over %d chunks: first %.0f ms, then p50 %.1f ms, p95 %.1f ms (goal 20)\n", report.Chunks+report.Unchanged, first, times[50], times[95])
	return s.Close()
}
