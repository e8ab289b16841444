package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/skills"
)

// The Skills extension of the protocol (SEP-2640). mcp-go knows a closed set of methods, so these three are answered before a
// message reaches it, on stdio behind the answer to initialize and over HTTP behind the same checks as every other request.
const (
	skillsExtension     = "io.modelcontextprotocol/skills"
	methodSkillsList    = "skills/list"
	methodSkillsGet     = "skills/get"
	methodDirectoryRead = "resources/directory/read"
	skillsPage          = 50 // entries of one page of skills/list, an entry is never cut
)

// skillMethod reports whether a method is of the extension.
func skillMethod(method string) bool {
	return method == methodSkillsList || method == methodSkillsGet || method == methodDirectoryRead
}

// skillsOption declares the extension.
func skillsOption() server.ServerOption {
	return server.WithExtensions(map[string]any{skillsExtension: map[string]any{"directoryRead": true}})
}

// skillRequest is a request of the extension.
type skillRequest struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// cacheable is what every result of the extension carries from 2026-07-28 on. The tree is part of the program.
type cacheable struct {
	ResultType string         `json:"resultType"`
	TTL        int64          `json:"ttlMs"`
	CacheScope mcp.CacheScope `json:"cacheScope"`
	NextCursor string         `json:"nextCursor,omitempty"`
}

// answer returns the whole reply to a request.
func (r skillRequest) answer() []byte {
	reply := map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "id": r.ID}
	result, err := r.result()
	if err != nil {
		code := mcp.INTERNAL_ERROR
		if fault.CodeOf(err) == fault.InvalidArgument {
			code = mcp.INVALID_PARAMS
		}
		reply["error"] = map[string]any{"code": code, "message": err.Error()}
	} else {
		reply["result"] = result
	}
	out, err := json.Marshal(reply)
	if err != nil { // the id is the only part that is not ours, and it was JSON
		return []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"write the answer"}}`)
	}
	return out
}

func (r skillRequest) result() (any, error) {
	var params struct {
		URI    string `json:"uri"`
		Cursor string `json:"cursor"`
	}
	if len(r.Params) > 0 {
		if err := json.Unmarshal(r.Params, &params); err != nil {
			return nil, fault.New(fault.InvalidArgument, "%s: params: %w", r.Method, err)
		}
	}
	head := cacheable{ResultType: "complete", TTL: cacheTTL, CacheScope: mcp.CacheScopePublic}
	if r.Method == methodDirectoryRead {
		children, err := skills.Children(skills.Tree(), params.URI)
		return struct {
			cacheable

			Resources []skills.Child `json:"resources"`
		}{head, children}, err
	}
	all, err := skills.Entries(skills.Tree())
	if err != nil {
		return nil, err
	}
	if r.Method == methodSkillsGet {
		i := slices.IndexFunc(all, func(e skills.Entry) bool { return e.URI == params.URI })
		if i < 0 {
			return nil, fault.New(fault.InvalidArgument, "no skill %q", params.URI)
		}
		return struct {
			cacheable

			Skill skills.Entry `json:"skill"`
		}{head, all[i]}, nil
	}
	page, next, err := pageOf(all, params.Cursor)
	head.NextCursor = next
	return struct {
		cacheable

		Skills []skills.Entry `json:"skills"`
	}{head, page}, err
}

// pageOf returns the entries from a cursor on, which is the number of those before it.
func pageOf(all []skills.Entry, cursor string) (page []skills.Entry, next string, err error) {
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 || from > len(all) {
			return nil, "", fault.New(fault.InvalidArgument, "cursor %q is not one of this list", cursor)
		}
	}
	to := min(from+skillsPage, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], next, nil
}

// skillsHandler answers the extension's methods over HTTP and hands everything else on. Before 2026-07-28 a request belongs to a
// session: whether that is open the protocol's handler says, asked by a ping in the request's place.
func skillsHandler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		var req skillRequest
		if err != nil || json.Unmarshal(body, &req) != nil || !skillMethod(req.Method) || len(req.ID) == 0 {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			next.ServeHTTP(w, r)
			return
		}
		version := r.Header.Get(mcp.HeaderProtocolVersion)
		if mcp.IsModernProtocol(version) {
			if err := mcp.ValidateStandardHeaders(r.Header.Get, version, mcp.MCPMethod(req.Method), req.Params); err != nil {
				refuse(w, req.ID, err)
				return
			}
		} else if !pinged(w, r, next, req.ID) {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(req.answer())
	})
}

// failing gives a read's failure again.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

func refuse(w http.ResponseWriter, id json.RawMessage, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	reply, merr := json.Marshal(map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "id": id, "error": map[string]any{"code": mcp.HEADER_MISMATCH, "message": err.Error()}})
	if merr == nil {
		_, _ = w.Write(reply)
	}
}

// pinged reports whether the protocol's handler takes a ping with the headers of this request; a refusal is passed on.
func pinged(w http.ResponseWriter, r *http.Request, next http.Handler, id json.RawMessage) bool {
	ping := fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"method":"ping"}`, id)
	asked := r.Clone(r.Context())
	asked.Body, asked.ContentLength = io.NopCloser(bytes.NewReader(ping)), int64(len(ping))
	got := &kept{header: http.Header{}}
	next.ServeHTTP(got, asked)
	if got.status == 0 || got.status == http.StatusOK {
		return true
	}
	maps.Copy(w.Header(), got.header)
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body.Bytes())
	return false
}

// kept is a response that is not sent yet.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader implements http.ResponseWriter.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

// Write implements http.ResponseWriter.
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }

// Flush implements http.Flusher: what is kept needs none.
func (k *kept) Flush() {}

// discoveryPath is where installers look for the skills of a site.
const discoveryPath = "/.well-known/agent-skills/"

// discovery serves the skills to installers. They are public, so no token is asked for; they are packed at the first request.
func discovery() http.Handler {
	files := sync.OnceValues(func() (map[string][]byte, error) { return skills.Discovery(skills.Tree()) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all, err := files()
		if err != nil {
			http.Error(w, "the skills cannot be packed", http.StatusInternalServerError)
			return
		}
		raw, ok := all[strings.TrimPrefix(r.URL.Path, discoveryPath)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		kind := "application/gzip"
		if strings.HasSuffix(r.URL.Path, ".json") {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(raw)
	})
}
