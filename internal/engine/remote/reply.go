package remote

import (
	"encoding/json"
	"fmt"

	"github.com/plumbline-mcp/plumbline/internal/record/jsonscan"
)

// reply is what a search answers.
type reply struct {
	PIT      string
	Scroll   string
	TimedOut bool
	Shards   struct {
		Total    int `json:"total"`
		Failed   int `json:"failed"`
		Failures []struct {
			Index  string `json:"index"`
			Reason struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
			} `json:"reason"`
		} `json:"failures"`
	}
	Total struct {
		Value    int64  `json:"value"`
		Relation string `json:"relation"`
	}
	Hits []hit

	aggregations json.RawMessage
}

// parts returns the aggregations of the top level as they came.
func (r *reply) parts() map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if len(r.aggregations) > 0 && json.Unmarshal(r.aggregations, &out) != nil {
		return nil // cannot be: the reply was read as JSON
	}
	return out
}

// groups returns the aggregations as a tree: objects are buckets, numbers int64 or float64.
func (r *reply) groups() (bucket, error) {
	if len(r.aggregations) == 0 {
		return bucket{}, nil
	}
	var s jsonscan.Scanner
	s.Reset(r.aggregations, maxDepth)
	v, err := tree(&s)
	b, ok := v.(bucket)
	if err == nil && !ok {
		err = jsonscan.ErrSyntax
	}
	return b, err
}

// bucket is an object of an answer.
type bucket map[string]any

// tree reads a JSON value.
func tree(s *jsonscan.Scanner) (any, error) {
	switch s.Next() {
	case '{':
		out := bucket{}
		err := s.Fields(func(key []byte) error {
			name := string(key)
			v, err := tree(s)
			out[name] = v
			return err
		})
		return out, err
	case '[':
		var out []any
		err := s.Each(func() error {
			v, err := tree(s)
			out = append(out, v)
			return err
		})
		return out, err
	}
	var v jsonscan.Value
	if err := s.Value(&v); err != nil {
		return nil, err
	}
	switch v.Kind {
	case jsonscan.Int:
		return v.Int, nil
	case jsonscan.Float:
		return v.Float, nil
	case jsonscan.String:
		return string(v.Text), nil
	case jsonscan.True, jsonscan.False:
		return v.Kind == jsonscan.True, nil
	default:
		return nil, nil
	}
}

// hit is one document of a reply. Its parts lie in the reply's bytes.
type hit struct {
	Index  string
	ID     string
	Source json.RawMessage
	Fields json.RawMessage // values of docvalue_fields
	Sort   json.RawMessage
}

// maxDepth is the deepest nesting of an answer that is read: documents have 20 levels at most by default, aggregations few.
const maxDepth = 500

// parseReply reads an answer in one pass; documents stay text until they are wanted.
func parseReply(body []byte) (*reply, error) {
	p := &replyParser{r: &reply{}}
	p.s.Reset(body, maxDepth)
	if err := p.s.Fields(p.top); err != nil {
		return nil, fmt.Errorf("offset %d: %w", p.s.Pos(), err)
	}
	return p.r, nil
}

type replyParser struct {
	s jsonscan.Scanner
	v jsonscan.Value
	r *reply
}

func (p *replyParser) top(key []byte) error {
	switch string(key) {
	case "hits":
		return p.s.Fields(p.hits)
	case "_shards":
		return p.decode(&p.r.Shards)
	case "aggregations":
		text, err := p.text()
		p.r.aggregations = text
		return err
	case "timed_out":
		return p.decode(&p.r.TimedOut)
	case "pit_id":
		return p.decode(&p.r.PIT)
	case "_scroll_id":
		return p.decode(&p.r.Scroll)
	}
	return p.s.Skip()
}

// decode reads a small part.
func (p *replyParser) decode(into any) error {
	text, err := p.text()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// text returns the next value as written.
func (p *replyParser) text() (json.RawMessage, error) {
	p.s.Next()
	start := p.s.Pos()
	if err := p.s.Skip(); err != nil {
		return nil, err
	}
	return p.s.Data()[start:p.s.Pos()], nil
}

func (p *replyParser) hits(key []byte) error {
	switch string(key) {
	case "total":
		if p.s.Next() != '{' { // before 7.0, or rest_total_hits_as_int
			return p.decode(&p.r.Total.Value)
		}
		return p.decode(&p.r.Total)
	case "hits":
		return p.s.Each(func() error {
			p.r.Hits = append(p.r.Hits, hit{})
			return p.s.Fields(p.hit)
		})
	}
	return p.s.Skip()
}

func (p *replyParser) hit(key []byte) (err error) {
	h := &p.r.Hits[len(p.r.Hits)-1]
	switch string(key) {
	case "_index":
		err = p.s.Value(&p.v)
		if n := len(p.r.Hits); n > 1 && p.r.Hits[n-2].Index == string(p.v.Text) { // one string for all
			h.Index = p.r.Hits[n-2].Index
		} else {
			h.Index = string(p.v.Text)
		}
	case "_id":
		err = p.s.Value(&p.v)
		h.ID = string(p.v.Text)
	case "_source":
		h.Source, err = p.text()
	case "fields":
		h.Fields, err = p.text()
	case "sort":
		h.Sort, err = p.text()
	default:
		err = p.s.Skip()
	}
	return err
}
