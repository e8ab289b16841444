package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Catalogue is the tools of one process, in the order they are listed.
type Catalogue struct {
	tools []Tool
}

// Selection says which tools are on.
type Selection struct {
	Toolsets    []string // names; empty = all
	AllowWrites bool     // tools that change something are off without it
}

// toolName is domain_verb or domain_verb_object in snake_case, so that a permission rule can match a prefix.
var toolName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)+$`)

// NewCatalogue keeps the selected tools, by toolset and as given within it. Errors: an unknown
// toolset; a name used twice or badly formed; a tool without title or description.
func NewCatalogue(all []Tool, sel Selection) (*Catalogue, error) {
	known := map[string]bool{}
	seen := map[string]bool{}
	var kept []Tool
	for _, t := range all {
		known[t.Toolset] = true
		switch {
		case seen[t.Name]:
			return nil, fault.New(fault.Internal, "catalogue: two tools are named %s", t.Name)
		case !toolName.MatchString(t.Name) || t.Title == "" || t.Description == "" || t.Toolset == "":
			return nil, fault.New(fault.Internal, "catalogue: tool %q: want a domain_verb_object name, a title, a description and a toolset", t.Name)
		}
		seen[t.Name] = true
		if (sel.AllowWrites || !t.Writes) && (len(sel.Toolsets) == 0 || slices.Contains(sel.Toolsets, t.Toolset)) {
			kept = append(kept, t)
		}
	}
	for _, s := range sel.Toolsets {
		if !known[s] {
			names := slices.Sorted(boolKeys(known))
			return nil, fault.WithHint(fault.New(fault.InvalidArgument, "unknown toolset %q", s), "The toolsets are: %s.", strings.Join(names, ", "))
		}
	}
	slices.SortStableFunc(kept, func(a, b Tool) int { return cmp.Compare(a.Toolset, b.Toolset) })
	return &Catalogue{tools: kept}, nil
}

func boolKeys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Tools returns the tools in order.
func (c *Catalogue) Tools() []Tool { return c.tools }

// Find returns the tool of a name. An unknown name is a fault.NotFound that suggests the nearest.
func (c *Catalogue) Find(name string) (Tool, error) {
	names := make([]string, 0, len(c.tools))
	for _, t := range c.tools {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	err := fault.New(fault.NotFound, "unknown tool %q", name)
	if near := Nearest(name, names); near != "" {
		return Tool{}, fault.WithHint(err, "Did you mean %s?", near)
	}
	return Tool{}, fault.WithHint(err, "The tools are: %s.", strings.Join(names, ", "))
}

// Register adds the tools and the resource of long answers to an MCP server. Panics of tools go to the logger.
func (c *Catalogue) Register(s *server.MCPServer, logger *slog.Logger) error {
	results := &Results{}
	for _, t := range c.tools {
		m, err := t.MCP()
		if err != nil {
			return err
		}
		s.AddTool(m, handler(t, results, logger))
	}
	s.AddResourceTemplate(mcp.NewResourceTemplate(resultURI, "result",
		mcp.WithTemplateDescription("The rest of an answer that was cut, page by page."), mcp.WithTemplateMIMEType("text/plain")), results.read)
	return nil
}

// listedOutput says of an output that it is an object, no more: every client reads every schema in every session, no client shows
// an output's to its model, and the answer itself shows its form.
const listedOutput = `{"type":"object"}`

// MCP returns the tool as it is listed: both schemas, a title and all four hints (mcp-go's own defaults call a tool
// destructive).
func (t Tool) MCP() (mcp.Tool, error) {
	in, err := json.Marshal(t.in)
	if err != nil {
		return mcp.Tool{}, fmt.Errorf("tool %s: input schema: %w", t.Name, err)
	}
	return mcp.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description, RawInputSchema: in, RawOutputSchema: json.RawMessage(listedOutput),
		Annotations: mcp.ToolAnnotation{
			ReadOnlyHint: new(!t.Writes), DestructiveHint: new(t.Destructive),
			IdempotentHint: new(t.Idempotent || !t.Writes), OpenWorldHint: new(t.OpenWorld),
		},
	}, nil
}

func handler(t Tool, results *Results, logger *slog.Logger) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		raw, err := arguments(req)
		if err != nil {
			return nil, fmt.Errorf("%s: read arguments: %w", t.Name, err)
		}
		a := results.bound(t.Call(ctx, raw))
		if bug, ok := errors.AsType[*panicError](a.Err); ok {
			logger.ErrorContext(ctx, "a tool panicked", slog.String("tool", t.Name), slog.String("panic", bug.Error()), slog.String("stack", string(bug.stack)))
		}
		return &mcp.CallToolResult{
			Content: []mcp.Content{mcp.NewTextContent(a.Text)}, StructuredContent: a.Structured, IsError: a.Err != nil,
		}, nil
	}
}

// arguments returns the arguments as they came over the wire (numbers unrounded), or as an in-process caller gave them.
func arguments(req mcp.CallToolRequest) (json.RawMessage, error) {
	if len(req.Params.RawArguments) > 0 {
		return req.Params.RawArguments, nil
	}
	if req.Params.Arguments == nil {
		return nil, nil
	}
	return json.Marshal(req.Params.Arguments)
}

// Markdown describes the tools for people: a table by toolset, then each tool with its arguments.
func (c *Catalogue) Markdown() string {
	var b strings.Builder
	b.WriteString("# Tools\n\nMade by `plumbline tools --markdown`; do not edit.\n\n| toolset | tool | what it answers |\n|---|---|---|\n")
	for _, t := range c.tools {
		fmt.Fprintf(&b, "| %s | [`%s`](#%s) | %s |\n", t.Toolset, t.Name, t.Name, t.Title)
	}
	for _, t := range c.tools {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", t.Name, t.Description)
		if len(t.Arguments()) == 0 {
			continue
		}
		b.WriteString("| argument | type | meaning |\n|---|---|---|\n")
		for _, a := range t.Arguments() {
			typ := a.Type
			if len(a.Enum) > 0 {
				typ = strings.Join(a.Enum, ", ")
			}
			if a.Required {
				typ += ", required"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", a.Name, typ, strings.ReplaceAll(a.Doc, "|", "\\|"))
		}
	}
	return b.String()
}

// JSON returns the tools as tools/list answers them: {"tools":[...]}, compact.
func (c *Catalogue) JSON() ([]byte, error) {
	list := make([]mcp.Tool, 0, len(c.tools))
	for _, t := range c.tools {
		m, err := t.MCP()
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return json.Marshal(map[string]any{"tools": list})
}
