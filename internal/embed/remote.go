package embed

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Doer sends a request: an *http.Client, or one that signs.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// Limits of remote embedders.
const (
	maxReply      = 64 << 20 // bytes of one reply: 96 vectors of 4096 values as text are a tenth of it
	openAIBatch   = 96       // texts of one request; services allow from 96 (Cohere) to 2048 (OpenAI)
	cohereBatch   = 96
	errorExcerpt  = 300 // bytes of a service's error shown
	maxTitanRunes = 40_000
)

// dimension remembers the length of a model's vectors from its first reply.
type dimension struct {
	mu    sync.Mutex
	known int
}

func (d *dimension) get() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known
}

func (d *dimension) learn(vectors [][]float32) ([][]float32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(vectors) > 0 {
		if d.known != 0 && d.known != len(vectors[0]) {
			return nil, fault.New(fault.Unavailable, "a vector of %d values came, %d were expected", len(vectors[0]), d.known)
		}
		d.known = len(vectors[0])
	}
	return vectors, nil
}

// OpenAIConfig names an endpoint of OpenAI's embeddings interface, which many servers offer.
type OpenAIConfig struct {
	URL       string // up to and without /embeddings, for instance https://api.openai.com/v1
	Key       string // sent as a bearer token; empty = none
	Model     string
	Dimension int // 0 = the model's own; otherwise asked for
	HTTP      Doer
}

// OpenAI embeds through POST URL/embeddings.
type OpenAI struct {
	c   OpenAIConfig
	dim dimension
}

// NewOpenAI returns the embedder; it touches no network.
func NewOpenAI(c OpenAIConfig) *OpenAI {
	return &OpenAI{c: c, dim: dimension{known: c.Dimension}}
}

// Model names the model.
func (o *OpenAI) Model() Model { return Model{Name: o.c.Model, Dimension: o.dim.get()} }

// Embed sends the texts in requests of a bounded number of texts.
func (o *OpenAI) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	return inBatches(texts, openAIBatch, func(batch []string) ([][]float32, error) {
		body := map[string]any{"model": o.c.Model, "input": batch, "encoding_format": "float"}
		if o.c.Dimension > 0 {
			body["dimensions"] = o.c.Dimension
		}
		var reply struct {
			Data []struct {
				Index     int       `json:"index"`
				Embedding []float32 `json:"embedding"`
			} `json:"data"`
		}
		if err := o.post(ctx, body, &reply); err != nil {
			return nil, fmt.Errorf("embed by %s: %w", o.c.Model, err)
		}
		out := make([][]float32, len(batch))
		for _, d := range reply.Data {
			if d.Index < 0 || d.Index >= len(out) {
				return nil, fault.New(fault.Unavailable, "embed by %s: a vector of text %d came for %d texts", o.c.Model, d.Index, len(out))
			}
			out[d.Index] = d.Embedding
		}
		out, err := units(out, len(batch))
		if err != nil {
			return nil, fmt.Errorf("embed by %s: %w", o.c.Model, err)
		}
		return o.dim.learn(out)
	})
}

func (o *OpenAI) post(ctx context.Context, body, reply any) error {
	return post(ctx, o.c.HTTP, strings.TrimSuffix(o.c.URL, "/")+"/embeddings", body, reply, func(r *http.Request) {
		if o.c.Key != "" {
			r.Header.Set("Authorization", "Bearer "+o.c.Key)
		}
	})
}

// BedrockConfig names a model of Amazon Bedrock.
type BedrockConfig struct {
	URL       string // https://bedrock-runtime.REGION.amazonaws.com
	Model     string // amazon.titan-embed-text-v2:0, cohere.embed-english-v3, ...
	Dimension int    // Titan v2: 256, 512 or 1024; 0 = the model's own
	HTTP      Doer   // signs for service bedrock
}

// Bedrock embeds through InvokeModel: Titan models one text a request, Cohere models many.
type Bedrock struct {
	c   BedrockConfig
	dim dimension
}

// NewBedrock returns the embedder; it touches no network.
func NewBedrock(c BedrockConfig) *Bedrock { return &Bedrock{c: c, dim: dimension{known: c.Dimension}} }

// Model names the model.
func (b *Bedrock) Model() Model { return Model{Name: b.c.Model, Dimension: b.dim.get()} }

// Embed sends the texts. A model that is neither Titan nor Cohere is refused: the two differ in their bodies.
func (b *Bedrock) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	name := b.c.Model[strings.Index(b.c.Model, "/")+1:] // an inference profile may stand before it
	switch {
	case strings.Contains(name, "titan-embed"):
		return inBatches(texts, 1, func(batch []string) ([][]float32, error) { return b.titan(ctx, name, batch[0]) })
	case strings.Contains(name, "cohere.embed"):
		return inBatches(texts, cohereBatch, func(batch []string) ([][]float32, error) { return b.cohere(ctx, batch) })
	}
	return nil, fault.WithHint(fault.New(fault.Unsupported, "embed by %s: neither a Titan nor a Cohere embedding model", b.c.Model),
		"Take amazon.titan-embed-text-v2:0 or cohere.embed-multilingual-v3.")
}

func (b *Bedrock) titan(ctx context.Context, name, text string) ([][]float32, error) {
	if runes := []rune(text); len(runes) > maxTitanRunes {
		text = string(runes[:maxTitanRunes])
	}
	if strings.TrimSpace(text) == "" {
		text = "." // the service refuses an empty text
	}
	body := map[string]any{"inputText": text}
	if strings.Contains(name, "v2") {
		body["normalize"] = true
		if b.c.Dimension > 0 {
			body["dimensions"] = b.c.Dimension
		}
	}
	var reply struct {
		Embedding []float32 `json:"embedding"`
	}
	if err := b.invoke(ctx, body, &reply); err != nil {
		return nil, err
	}
	out, err := units([][]float32{reply.Embedding}, 1)
	if err != nil {
		return nil, fmt.Errorf("embed by %s: %w", b.c.Model, err)
	}
	return b.dim.learn(out)
}

func (b *Bedrock) cohere(ctx context.Context, texts []string) ([][]float32, error) {
	// One input type for texts and queries alike: the interface has one door, and within one type cosines compare.
	body := map[string]any{"texts": texts, "input_type": "search_document", "truncate": "END"}
	var reply struct {
		Embeddings json.RawMessage `json:"embeddings"`
	}
	if err := b.invoke(ctx, body, &reply); err != nil {
		return nil, err
	}
	var out [][]float32
	if err := json.Unmarshal(reply.Embeddings, &out); err != nil {
		var typed struct {
			Float [][]float32 `json:"float"`
		}
		if err := json.Unmarshal(reply.Embeddings, &typed); err != nil {
			return nil, fault.New(fault.Unavailable, "embed by %s: read reply: %w", b.c.Model, err)
		}
		out = typed.Float
	}
	out, err := units(out, len(texts))
	if err != nil {
		return nil, fmt.Errorf("embed by %s: %w", b.c.Model, err)
	}
	return b.dim.learn(out)
}

func (b *Bedrock) invoke(ctx context.Context, body, reply any) error {
	// A colon and a slash in a path are signed as %3A and %2F.
	model := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(b.c.Model)
	if err := post(ctx, b.c.HTTP, strings.TrimSuffix(b.c.URL, "/")+"/model/"+model+"/invoke", body, reply, nil); err != nil {
		return fmt.Errorf("embed by %s: %w", b.c.Model, err)
	}
	return nil
}

// MLCommonsConfig names a deployed text-embedding model of an OpenSearch cluster.
type MLCommonsConfig struct {
	URL       string // of the cluster
	Model     string // its model id
	Dimension int
	HTTP      Doer // carries the cluster's credentials
}

// MLCommons embeds through POST /_plugins/_ml/_predict/text_embedding/MODEL.
type MLCommons struct {
	c   MLCommonsConfig
	dim dimension
}

// NewMLCommons returns the embedder; it touches no network.
func NewMLCommons(c MLCommonsConfig) *MLCommons {
	return &MLCommons{c: c, dim: dimension{known: c.Dimension}}
}

// Model names the model.
func (m *MLCommons) Model() Model { return Model{Name: m.c.Model, Dimension: m.dim.get()} }

// mlBatch keeps a request under the time a node takes for a predict call.
const mlBatch = 32

// Embed sends the texts in requests of a bounded number of texts.
func (m *MLCommons) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	return inBatches(texts, mlBatch, func(batch []string) ([][]float32, error) {
		body := map[string]any{"text_docs": batch, "return_number": true, "target_response": []string{"sentence_embedding"}}
		var reply struct {
			Results []struct {
				Output []struct {
					Name string    `json:"name"`
					Data []float32 `json:"data"`
				} `json:"output"`
			} `json:"inference_results"`
		}
		err := post(ctx, m.c.HTTP, strings.TrimSuffix(m.c.URL, "/")+"/_plugins/_ml/_predict/text_embedding/"+m.c.Model, body, &reply, nil)
		if err != nil {
			return nil, fmt.Errorf("embed by model %s: %w", m.c.Model, err)
		}
		var out [][]float32
		for _, r := range reply.Results {
			for _, o := range r.Output {
				out = append(out, o.Data)
			}
		}
		if out, err = units(out, len(batch)); err != nil {
			return nil, fmt.Errorf("embed by model %s: %w", m.c.Model, err)
		}
		return m.dim.learn(out)
	})
}

// inBatches embeds n texts at a time, in order.
func inBatches(texts []string, n int, each func(batch []string) ([][]float32, error)) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for len(texts) > 0 {
		k := min(n, len(texts))
		vectors, err := each(texts[:k])
		if err != nil {
			return nil, err
		}
		out, texts = append(out, vectors...), texts[k:]
	}
	return out, nil
}

// post sends JSON and reads JSON. A refusal carries the first bytes of what the service said.
func post(ctx context.Context, client Doer, url string, body, reply any, prepare func(*http.Request)) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return fault.WithCode(err, fault.InvalidArgument)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	if prepare != nil {
		prepare(r)
	}
	res, err := client.Do(r)
	if err != nil {
		return fault.WithCode(err, fault.Unavailable)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return fault.WithCode(fmt.Errorf("read reply: %w", err), fault.Unavailable)
	}
	if res.StatusCode/100 != 2 {
		return refused(res.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, reply); err != nil {
		return fault.New(fault.Unavailable, "read reply: %w", err)
	}
	return nil
}

func refused(status int, answer []byte) error {
	excerpt := strings.ToValidUTF8(string(answer[:min(len(answer), errorExcerpt)]), "")
	err := fmt.Errorf("the service answers %d: %s", status, strings.Join(strings.Fields(excerpt), " "))
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.WithHint(fault.WithCode(err, fault.PermissionDenied), "Check the credentials of the embedder in the configuration.")
	case http.StatusNotFound:
		return fault.WithHint(fault.WithCode(err, fault.NotFound), "Check the embedder's url and model in the configuration.")
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return fault.WithCode(err, fault.InvalidArgument)
	}
	return fault.WithCode(err, fault.Unavailable)
}
