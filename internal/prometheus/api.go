package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Point is a value at a time in Unix milliseconds.
type Point struct {
	At int64
	V  float64
}

// UnmarshalJSON reads [seconds, "value"].
func (p *Point) UnmarshalJSON(b []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	at, err := strconv.ParseFloat(string(pair[0]), 64)
	if err != nil {
		return fmt.Errorf("time of a point: %w", err)
	}
	var text string
	if err := json.Unmarshal(pair[1], &text); err != nil {
		return fmt.Errorf("value of a point: %w", err)
	}
	if p.V, err = strconv.ParseFloat(text, 64); err != nil {
		return fmt.Errorf("value of a point: %w", err)
	}
	p.At = int64(math.Round(at * 1000))
	return nil
}

// Series is a series of an answer. Native histograms are counted, not read.
type Series struct {
	Metric     map[string]string `json:"metric"`
	Value      *Point            `json:"value"`
	Values     []Point           `json:"values"`
	Histogram  json.RawMessage   `json:"histogram"`
	Histograms []json.RawMessage `json:"histograms"`
}

// Answer is what a query gives.
type Answer struct {
	Type     string   // vector, matrix, scalar, string
	Series   []Series // of vector and matrix
	Scalar   *Point
	Text     string // of string
	Warnings []string
}

// envelope is what every answer stands in.
type envelope struct {
	Status   string          `json:"status"`
	Kind     string          `json:"errorType"`
	Error    string          `json:"error"`
	Warnings []string        `json:"warnings"`
	Infos    []string        `json:"infos"`
	Data     json.RawMessage `json:"data"`
}

// ask sends a request and decodes the data of its answer.
func (c *Client) ask(ctx context.Context, r request, data any) ([]string, error) {
	var e envelope
	err := c.do(ctx, r, func(in io.Reader) error {
		e = envelope{}
		if err := json.NewDecoder(in).Decode(&e); err != nil {
			return err
		}
		if e.Status != "success" {
			return &refusal{status: http.StatusOK, kind: line(e.Kind, 40), reason: c.door.scrub(line(e.Error, maxReason))}
		}
		return json.Unmarshal(e.Data, data)
	})
	return append(e.Warnings, e.Infos...), err
}

// Query evaluates a query at one time.
func (c *Client) Query(ctx context.Context, query string, at time.Time) (*Answer, error) {
	return c.evaluate(ctx, request{operation: "query", path: "query", form: url.Values{"query": {query}, "time": {seconds(at)}, "timeout": {c.timeout()}}})
}

// QueryRange evaluates a query at start, start+step, ... up to and with end.
func (c *Client) QueryRange(ctx context.Context, query string, start, end time.Time, step time.Duration) (*Answer, error) {
	return c.evaluate(ctx, request{operation: "query_range", path: "query_range", form: url.Values{
		"query": {query}, "start": {seconds(start)}, "end": {seconds(end)}, "step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}, "timeout": {c.timeout()},
	}})
}

func (c *Client) timeout() string { return strconv.Itoa(int(max(c.config.Timeout.Seconds(), 1))) + "s" }

func (c *Client) evaluate(ctx context.Context, r request) (*Answer, error) {
	var data struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	}
	warnings, err := c.ask(ctx, r, &data)
	if err != nil {
		return nil, err
	}
	out := &Answer{Type: data.Type, Warnings: warnings}
	switch data.Type {
	case "scalar":
		out.Scalar = new(Point)
		err = json.Unmarshal(data.Result, out.Scalar)
	case "string":
		var pair [2]any
		err = json.Unmarshal(data.Result, &pair)
		out.Text, _ = pair[1].(string)
	default:
		err = json.Unmarshal(data.Result, &out.Series)
	}
	if err != nil {
		return nil, c.explain(ctx, r, err)
	}
	return out, nil
}

// seconds writes a time as the API reads it.
func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}

// span adds the bounds of a time range that are set.
func span(form url.Values, start, end time.Time) url.Values {
	if !start.IsZero() {
		form.Set("start", seconds(start))
	}
	if !end.IsZero() {
		form.Set("end", seconds(end))
	}
	return form
}

// Series lists up to limit label sets of the series that any of the selectors matches, with samples in the range.
func (c *Client) Series(ctx context.Context, selectors []string, start, end time.Time, limit int) ([]map[string]string, error) {
	var out []map[string]string
	form := span(url.Values{"match[]": selectors, "limit": {strconv.Itoa(limit)}}, start, end)
	_, err := c.ask(ctx, request{operation: "series", path: "series", form: form}, &out)
	if len(out) > limit {
		out = out[:limit]
	}
	return out, err
}

// LabelValues lists the values of a label of series with samples in the range.
func (c *Client) LabelValues(ctx context.Context, label string, start, end time.Time) ([]string, error) {
	var out []string
	_, err := c.ask(ctx, request{operation: "labels", path: "label/" + url.PathEscape(label) + "/values", form: span(url.Values{}, start, end), get: true}, &out)
	return out, err
}

// Meta is what the scraped process says of a metric.
type Meta struct {
	Type string `json:"type"`
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// Metadata returns what is known of each metric; of several versions the first.
func (c *Client) Metadata(ctx context.Context) (map[string]Meta, error) {
	var all map[string][]Meta
	_, err := c.ask(ctx, request{operation: "metadata", path: "metadata", form: url.Values{"limit_per_metric": {"1"}}, get: true}, &all)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Meta, len(all))
	for name, list := range all {
		if len(list) > 0 {
			out[name] = list[0]
		}
	}
	return out, nil
}
