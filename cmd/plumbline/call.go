package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/plumbline-mcp/plumbline/cmd/plumbline/internal/early"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/tools"
)

func callCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "call TOOL [JSON | --json JSON | --ARGUMENT VALUE ...]",
		Short: "Call a tool",
		Long: `Call a tool with its arguments as JSON or as flags.

  plumbline call logs_query --json '{"source":"./logs","query":"source=logs | stats count() by serviceName"}'
  plumbline call logs_query --source ./logs --query 'source=logs | stats count() by serviceName'

With --json the structured content is printed on stdout, exactly; otherwise the text that an agent reads (--output json for
the structured content). Exit code 0; 1 when the tool failed, with {"error":{"code","message","hint"}} as the content or on
stderr; 2 for wrong usage. "-" in the place of JSON reads standard input; TOOL --help lists the tool's arguments.`,
		// The flags of a call are the tool's arguments, so cobra cannot know them.
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
				return c.Help()
			}
			return call(c.Context(), s, args)
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeCall(c.Context(), s, args)
		},
	}
}

// completeCall completes the tool's name, then its arguments.
func completeCall(ctx context.Context, s *settings, args []string) ([]string, cobra.ShellCompDirective) {
	p, err := newProcess(ctx, s)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	if len(args) == 0 {
		for _, t := range p.catalogue.Tools() {
			out = append(out, t.Name+"\t"+t.Title)
		}
	} else if t, err := p.catalogue.Find(args[0]); err == nil {
		for _, a := range t.Arguments() {
			out = append(out, "--"+a.Name+"\t"+a.Doc)
		}
	}
	if err := p.close(); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return out, cobra.ShellCompDirectiveDefault
}

// invocation is a call as read from the command line.
type invocation struct {
	tool string
	raw  json.RawMessage
	json bool // print the structured content
	help bool // print the tool's arguments instead of calling it
}

func call(ctx context.Context, s *settings, args []string) error {
	split, own := splitFlags(s, args)
	if err := s.flags.Parse(split); err != nil {
		return usageError{fault.WithCode(err, fault.InvalidArgument)}
	}
	s.host.person = true
	p, err := newProcess(ctx, s)
	if err != nil {
		return err
	}
	inv, err := parseCall(p.catalogue, s.host.in, own)
	if err != nil {
		return usageFirst(err, p.close())
	}
	t, err := p.catalogue.Find(inv.tool)
	if err != nil {
		return usageFirst(usageError{err}, p.close())
	}
	if inv.help {
		return errors.Join(describeTool(s.host.out, t), p.close())
	}
	early.Release()
	answer := t.Call(ctx, inv.raw)
	if err := p.close(); err != nil {
		p.logger.Warn("stop", slog.String("error", err.Error()))
	}
	if err := show(s.host, answer, inv.json); err != nil {
		return err
	}
	if answer.Err != nil {
		return errShown
	}
	return nil
}

func usageFirst(usage, closing error) error {
	if closing != nil {
		return fmt.Errorf("%w (and: %w)", usage, closing)
	}
	return usage
}

// show prints an answer: the structured content on stdout, whatever it says; or the text, an error's on stderr.
func show(h host, a tools.Answer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(h.out)
		enc.SetEscapeHTML(false)
		return enc.Encode(a.Structured)
	}
	w := h.out
	if a.Err != nil {
		w = h.err
	}
	_, err := io.WriteString(w, a.Text)
	return err
}

// describeTool prints what a tool is for and its arguments.
func describeTool(w io.Writer, t tools.Tool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\n%s\n", t.Name, t.Title, t.Description)
	for i, a := range t.Arguments() {
		if i == 0 {
			b.WriteString("\nArguments:\n")
		}
		typ := a.Type
		if len(a.Enum) > 0 {
			typ = strings.Join(a.Enum, "|")
		}
		if a.Required {
			typ += ", required"
		}
		fmt.Fprintf(&b, "  --%-18s %s (%s)\n", a.Name, a.Doc, typ)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// splitFlags parts the words that are Plumbline's own persistent flags (--config and the like) from those of the call.
func splitFlags(s *settings, args []string) (global, call []string) {
	for i := 0; i < len(args); i++ {
		name, _, inline := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		var f *pflag.Flag
		if strings.HasPrefix(args[i], "--") {
			f = s.flags.Lookup(name)
		}
		if f == nil {
			call = append(call, args[i])
			continue
		}
		global = append(global, args[i])
		if !inline && f.NoOptDefVal == "" && i+1 < len(args) {
			i++
			global = append(global, args[i])
		}
	}
	return global, call
}

func parseCall(catalogue *tools.Catalogue, in io.Reader, args []string) (invocation, error) {
	inv := invocation{}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return inv, usageError{fault.WithHint(fault.New(fault.InvalidArgument, "call: the first word is the tool's name"), "`plumbline tools` lists the tools.")}
	}
	inv.tool = args[0]
	t, err := catalogue.Find(inv.tool)
	if err != nil {
		return inv, usageError{err}
	}
	members := map[string]any{}
	for rest := args[1:]; len(rest) > 0; {
		if rest, err = inv.word(t, in, members, rest); err != nil {
			return inv, err
		}
	}
	if len(members) > 0 {
		if inv.raw != nil {
			return inv, usagef("call %s: give JSON or flags, not both", inv.tool)
		}
		inv.raw, err = json.Marshal(members)
	}
	return inv, err
}

// word reads the next word, with its value if it takes one, and returns the words after it.
func (inv *invocation) word(t tools.Tool, in io.Reader, members map[string]any, words []string) (rest []string, err error) {
	word, rest := words[0], words[1:]
	switch {
	case word == "-h" || word == "--help":
		inv.help = true
		return rest, nil
	case !strings.HasPrefix(word, "--"):
		return rest, inv.document(word, in)
	case word == "--json" && (len(rest) == 0 || strings.HasPrefix(rest[0], "--")):
		inv.json = true // JSON out; the arguments are flags
		return rest, nil
	}
	name, value, inline := strings.Cut(word[2:], "=")
	if !inline {
		if value, rest, err = flagValue(t, name, rest); err != nil {
			return rest, err
		}
	}
	switch name {
	case "json":
		inv.json = true
		return rest, inv.document(value, in)
	case "output":
		if value != "json" && value != "text" {
			return rest, usagef("--output %q: want text or json", value)
		}
		inv.json = value == "json"
		return rest, nil
	}
	return rest, put(t, members, name, value)
}

func (inv *invocation) document(text string, in io.Reader) (err error) {
	if inv.raw != nil {
		return usagef("call %s: arguments are given twice", inv.tool)
	}
	inv.raw, err = document(text, in)
	return err
}

// flagValue takes the next word as the value, unless the argument is boolean and stands alone.
func flagValue(t tools.Tool, name string, rest []string) (string, []string, error) {
	for _, a := range t.Arguments() {
		if a.Name == strings.ReplaceAll(name, "-", "_") && a.Type == "boolean" && (len(rest) == 0 || (rest[0] != "true" && rest[0] != "false")) {
			return "true", rest, nil
		}
	}
	if len(rest) == 0 {
		return "", nil, usagef("--%s needs a value", name)
	}
	return rest[0], rest[1:], nil
}

func put(t tools.Tool, members map[string]any, flag, value string) error {
	name := strings.ReplaceAll(flag, "-", "_")
	var names []string
	for _, a := range t.Arguments() {
		if a.Name == name {
			if a.Type == "array" {
				list, _ := members[name].([]string)
				members[name] = append(list, value)
			} else {
				members[name] = value
			}
			return nil
		}
		names = append(names, "--"+a.Name)
	}
	err := fault.New(fault.InvalidArgument, "unknown flag --%s; %s takes %s, --json and --output", flag, t.Name, strings.Join(names, ", "))
	if near := tools.Nearest("--"+name, names); near != "" {
		err = fault.WithHint(err, "Did you mean %s?", near)
	}
	return usageError{err}
}

// maxArguments bounds JSON read from standard input.
const maxArguments = 4 << 20

// document checks that the text is a JSON object; "-" reads it from standard input.
func document(text string, in io.Reader) (json.RawMessage, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(in, maxArguments))
		if err != nil {
			return nil, fmt.Errorf("read arguments: %w", err)
		}
		text = string(b)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return nil, usageError{fault.WithHint(fault.New(fault.InvalidArgument, "arguments are no JSON object: %w", err), `Write '{"name": value, ...}' in single quotes.`)}
	}
	return json.RawMessage(text), nil
}

func toolsCommand(s *settings) *cobra.Command {
	var asMarkdown, asJSON bool
	c := &cobra.Command{Use: "tools", Short: "List the tools", RunE: func(c *cobra.Command, _ []string) error {
		p, err := newProcess(c.Context(), s)
		if err != nil {
			return err
		}
		if err := listTools(s.host.out, p.catalogue, asMarkdown, asJSON); err != nil {
			return err
		}
		return p.close()
	}}
	c.Flags().BoolVar(&asMarkdown, "markdown", false, "as the reference page docs/tools.md")
	c.Flags().BoolVar(&asJSON, "json", false, "as tools/list answers")
	return c
}

func listTools(w io.Writer, c *tools.Catalogue, asMarkdown, asJSON bool) error {
	switch {
	case asMarkdown && asJSON:
		return usagef("tools: give --markdown or --json, not both")
	case asMarkdown:
		_, err := io.WriteString(w, c.Markdown())
		return err
	case asJSON:
		raw, err := c.JSON()
		if err != nil {
			return err
		}
		_, err = w.Write(append(raw, '\n'))
		return err
	}
	for _, t := range c.Tools() {
		if _, err := fmt.Fprintf(w, "%-10s %-22s %s\n", t.Toolset, t.Name, t.Title); err != nil {
			return err
		}
	}
	return nil
}
