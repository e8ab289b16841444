package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Bounds of the store of long answers: enough for a conversation, small beside the process.
const (
	maxResults      = 32
	maxResultsBytes = 8 << 20
)

// pageSize leaves room for the line that says how to read on.
const pageSize = MaxText - 200

// resultURI is the template under which long answers can be read on.
const resultURI = "result://{id}{?page}"

// Results keeps the whole text of answers that were cut, for paging. The oldest leave first.
type Results struct {
	mu    sync.Mutex
	next  int
	kept  []result
	bytes int
}

type result struct{ id, text string }

// put keeps a text and returns its id.
func (r *Results) put(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	id := "r" + strconv.Itoa(r.next)
	text = cutAt(text, maxResultsBytes)
	r.kept = append(r.kept, result{id, text})
	r.bytes += len(text)
	for len(r.kept) > maxResults || r.bytes > maxResultsBytes {
		r.bytes -= len(r.kept[0].text)
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	return id
}

// bound cuts an answer to what a model should get at once, keeping the rest for paging.
func (r *Results) bound(a Answer) Answer {
	if size := weight(a.Structured); size > MaxStructured {
		if whole, err := json.Marshal(a.Structured); err == nil {
			a.Structured = shorten(a.Structured, "result://"+r.put(string(whole)))
		}
	}
	if len(a.Text) > MaxText {
		id := r.put(a.Text)
		head := firstPage(a.Text)
		a.Text = fmt.Sprintf("%s… cut: %d of %d bytes shown. Narrow the call, or read resource result://%s?page=2 (of %d pages).\n",
			head, len(head), len(a.Text), id, pages(a.Text))
	}
	return a
}

func pages(text string) int {
	n := 1
	for rest := text; len(rest) > pageSize; n++ {
		rest = rest[len(firstPage(rest)):]
	}
	return n
}

// page returns the n-th page (from 1) of a kept text.
func (r *Results) page(id string, n int) (text string, of int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.kept, func(k result) bool { return k.id == id })
	if i < 0 {
		return "", 0, fault.New(fault.NotFound, "result %q is no longer kept; call the tool again", id)
	}
	rest := r.kept[i].text
	of = pages(rest)
	if n < 1 || n > of {
		return "", of, fault.New(fault.NotFound, "result %q has pages 1 to %d, not %d", id, of, n)
	}
	for range n - 1 {
		rest = rest[len(firstPage(rest)):]
	}
	return firstPage(rest), of, nil
}

// read serves resource result://ID?page=N.
func (r *Results) read(_ context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	id, n, err := parseResult(req.Params.URI)
	if err != nil {
		return nil, err
	}
	text, of, err := r.page(id, n)
	if err != nil {
		return nil, err
	}
	if n < of {
		text += fmt.Sprintf("… page %d of %d; next: result://%s?page=%d\n", n, of, id, n+1)
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: req.Params.URI, MIMEType: "text/plain", Text: text}}, nil
}

func parseResult(uri string) (id string, page int, err error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "result" {
		return "", 0, fault.New(fault.InvalidArgument, "resource %q: want result://ID?page=N", uri)
	}
	page = 1
	if p := u.Query().Get("page"); p != "" {
		if page, err = strconv.Atoi(p); err != nil {
			return "", 0, fault.New(fault.InvalidArgument, "resource %q: page %q is no number", uri, p)
		}
	}
	return strings.TrimSuffix(u.Host, "/"), page, nil
}
