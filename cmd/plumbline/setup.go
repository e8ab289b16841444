package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// client is an agent that can be given Plumbline: where its MCP configuration lies and how an entry is written.
type client struct {
	name          string
	project, user string // paths, below the project or the home directory
	list          string // the member that holds the servers
	isTOML        bool
	typed         bool // entries carry "type": "stdio"
	forUser       bool // written for the user unless --project is given
}

// clients lists the agents in the order of their names. Paths as their own documentation gives them.
func clients() []client {
	return []client{
		{name: "claude", project: ".mcp.json", user: ".claude.json", list: "mcpServers", typed: true},
		{name: "codex", project: ".codex/config.toml", user: ".codex/config.toml", list: "mcp_servers", isTOML: true, forUser: true},
		{name: "cursor", project: ".cursor/mcp.json", user: ".cursor/mcp.json", list: "mcpServers"},
		{name: "kiro", project: ".kiro/settings/mcp.json", user: ".kiro/settings/mcp.json", list: "mcpServers"},
		{name: "vscode", project: ".vscode/mcp.json", list: "servers", typed: true},
	}
}

func setupCommand(s *settings) *cobra.Command {
	var show, user, project bool
	var names []string
	for _, c := range clients() {
		names = append(names, c.name)
	}
	c := &cobra.Command{
		Use:   "setup " + strings.Join(names, "|"),
		Short: "Write Plumbline into an agent's MCP configuration",
		Long: `Write Plumbline into an agent's MCP configuration, for this project or with --user for all projects:

  claude   .mcp.json                 --user  ~/.claude.json
  codex    .codex/config.toml        --user  ~/.codex/config.toml (the default)
  cursor   .cursor/mcp.json          --user  ~/.cursor/mcp.json
  kiro     .kiro/settings/mcp.json   --user  ~/.kiro/settings/mcp.json
  vscode   .vscode/mcp.json

Other servers and settings in the file are kept; a file that cannot be read as JSON or TOML is refused. The change is shown,
and a copy of the former file is left beside it (.bak). With --print nothing is written. The server is started with the
--config, --default-source, --toolsets and other flags given here.`,
		ValidArgs: names, Args: oneArgument,
		RunE: func(_ *cobra.Command, args []string) error {
			i := slices.IndexFunc(clients(), func(c client) bool { return c.name == args[0] })
			if i < 0 {
				return usageError{fault.WithHint(fault.New(fault.InvalidArgument, "unknown client %q", args[0]), "The clients are: %s.", strings.Join(names, ", "))}
			}
			if user && project {
				return usagef("setup: give --user or --project, not both")
			}
			k := clients()[i]
			return setup(s, k, user || (k.forUser && !project), show)
		},
	}
	c.Flags().BoolVar(&show, "print", false, "show what would be written, write nothing")
	c.Flags().BoolVar(&user, "user", false, "the user's configuration instead of this project's")
	c.Flags().BoolVar(&project, "project", false, "this project's configuration (the default but for codex)")
	return c
}

func setup(s *settings, c client, user, show bool) error {
	path := c.project
	if user {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("set up %s: %w", c.name, err)
		}
		if c.user == "" {
			return usageError{fault.WithHint(fault.New(fault.Unsupported, "%s has no configuration file for all projects that may be edited", c.name), "Run it in the project, without --user.")}
		}
		path = filepath.Join(home, c.user)
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set up %s: %w", c.name, err)
	}
	command, args, err := s.serverCommand()
	if err != nil {
		return err
	}
	after, err := c.merge(before, path, command, args)
	if err != nil {
		return err
	}
	if bytes.Equal(before, after) {
		fmt.Fprintf(s.host.out, "%s already has Plumbline; nothing changed\n", path)
		return nil
	}
	fmt.Fprintf(s.host.out, "%s\n%s", path, lineDiff(string(before), string(after)))
	if show {
		fmt.Fprintln(s.host.out, "not written (--print)")
		return nil
	}
	return replaceFile(path, before, after)
}

// serverCommand is how an agent starts this server: this binary with the persistent flags given now.
func (s *settings) serverCommand() (command string, args []string, err error) {
	if command, err = os.Executable(); err != nil {
		return "", nil, fmt.Errorf("find this binary: %w", err)
	}
	args = []string{"serve"}
	if s.file != "" {
		abs, err := filepath.Abs(s.file)
		if err != nil {
			return "", nil, fmt.Errorf("find the configuration: %w", err)
		}
		args = append(args, "--config", abs)
	}
	for _, o := range options() {
		if f := s.flags.Lookup(o.flag); f.Changed && o.flag != "http" {
			args = append(args, "--"+o.flag+"="+f.Value.String())
		}
	}
	return command, args, nil
}

func (c client) merge(before []byte, path, command string, args []string) ([]byte, error) {
	if c.isTOML {
		return mergeTOML(before, path, c.list, command, args)
	}
	entry := map[string]any{"command": command, "args": args}
	if c.typed {
		entry["type"] = "stdio"
	}
	return mergeJSON(before, path, c.list, entry)
}

// serverName is the entry's name in every client.
const serverName = "plumbline"

// mergeJSON sets root[list][plumbline] and keeps every other member, in its order and spelling of values.
func mergeJSON(before []byte, path, list string, entry map[string]any) ([]byte, error) {
	root, err := readObject(before)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "%s is no JSON object: %w", path, err), "Mend the file, or add the entry that --print shows by hand.")
	}
	servers, err := readObject(root.get(list))
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "%s: %s is no JSON object: %w", path, list, err), "Mend the file first.")
	}
	raw, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("write the entry: %w", err)
	}
	if old := servers.get(serverName); old != nil && sameJSON(old, raw) {
		return before, nil
	}
	servers.set(serverName, raw)
	root.set(list, servers.bytes())
	var out bytes.Buffer
	if err := json.Indent(&out, root.bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err1 := json.Marshal(x)
	q, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && bytes.Equal(p, q)
}

// object is a JSON object that keeps the order of its members.
type object struct {
	keys   []string
	values map[string]json.RawMessage
}

func readObject(raw []byte) (*object, error) {
	o := &object{values: map[string]json.RawMessage{}}
	if len(bytes.TrimSpace(raw)) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(raw, &o.values); err != nil {
		return nil, err
	}
	if o.values == nil {
		return nil, errors.New("it is null")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if !slices.Contains(o.keys, name) {
			o.keys = append(o.keys, name)
		}
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *object) get(key string) json.RawMessage { return o.values[key] }

func (o *object) set(key string, value json.RawMessage) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *object) bytes() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range o.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(k) //nolint:errchkjson // a string always marshals
		b.Write(name)
		b.WriteByte(':')
		b.Write(o.values[k])
	}
	b.WriteByte('}')
	return b.Bytes()
}

// tomlTable begins a table.
var tomlTable = regexp.MustCompile(`(?m)^[ \t]*\[`)

// tableEnd returns how much of a table's text is its own: blank lines and comments at the end belong to what follows.
func tableEnd(text string) int {
	end, at := 0, 0
	for line := range strings.Lines(text) {
		at += len(line)
		if l := strings.TrimSpace(line); l != "" && l[0] != '#' {
			end = at
		}
	}
	return end
}

// mergeTOML replaces or appends the table [list.plumbline] and leaves every other line as it is. The file is read before and
// after: what is no TOML, or holds the entry in a form that cannot be replaced line by line, is refused.
func mergeTOML(before []byte, path, list, command string, args []string) ([]byte, error) {
	former, err := readTOML(before, list)
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "%s is no TOML: %w", path, err), "Mend the file, or add the entry that --print shows by hand.")
	}
	after, err := spliceTOML(before, list, command, args)
	if err != nil {
		return nil, err
	}
	latter, err := readTOML(after, list)
	if err != nil || !reflect.DeepEqual(former, latter) {
		return nil, fault.WithHint(fault.New(fault.Unsupported, "%s holds %s.%s in a form that cannot be replaced", path, list, serverName),
			"Write it as a table [%s.%s], or remove it first.", list, serverName)
	}
	return after, nil
}

// readTOML returns everything in the file but our own entry.
func readTOML(raw []byte, list string) (map[string]any, error) {
	root := map[string]any{}
	if err := toml.Unmarshal(raw, &root); err != nil {
		return nil, err
	}
	servers, _ := root[list].(map[string]any)
	delete(servers, serverName)
	if len(servers) == 0 {
		delete(root, list)
	}
	return root, nil
}

func spliceTOML(before []byte, list, command string, args []string) ([]byte, error) {
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	if err := enc.Encode(struct {
		Command string   `toml:"command"`
		Args    []string `toml:"args"`
	}{command, args}); err != nil {
		return nil, fmt.Errorf("write the entry: %w", err)
	}
	table := fmt.Sprintf("[%s.%s]\n%s", list, serverName, b.String())
	head := regexp.MustCompile(`(?m)^[ \t]*\[[ \t]*` + regexp.QuoteMeta(list) + `[ \t]*\.[ \t]*["']?` + serverName + `["']?[ \t]*\][^\n]*\n?`)
	at := head.FindIndex(before)
	if at == nil {
		sep := ""
		if len(before) > 0 {
			sep = strings.Repeat("\n", 2-trailingNewlines(before))
		}
		return append(slices.Clone(before), sep+table...), nil
	}
	end := len(before)
	if next := tomlTable.FindIndex(before[at[1]:]); next != nil {
		end = at[1] + next[0]
	}
	end = at[0] + tableEnd(string(before[at[0]:end]))
	return slices.Concat(before[:at[0]], []byte(table), before[end:]), nil
}

func trailingNewlines(b []byte) int {
	return min(len(b)-len(bytes.TrimRight(b, "\n")), 2)
}

// replaceFile writes beside the file and renames; the former content stays as FILE.bak.
func replaceFile(path string, before, after []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // a link to a file kept elsewhere stays a link
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		if err := os.WriteFile(path+".bak", before, mode); err != nil {
			return fmt.Errorf("keep the former file: %w", err)
		}
	}
	next := path + ".new"
	if err := os.WriteFile(next, after, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(next))
	}
	return nil
}

// lineDiff shows what changes: the common head and tail are left out.
func lineDiff(before, after string) string {
	a, b := lines(before), lines(after)
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out strings.Builder
	for _, l := range a[head : len(a)-tail] {
		out.WriteString("- " + l + "\n")
	}
	for _, l := range b[head : len(b)-tail] {
		out.WriteString("+ " + l + "\n")
	}
	return out.String()
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}
