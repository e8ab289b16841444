package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/plan"
	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// Spath reads a value, or all of them, out of JSON text.
type Spath struct {
	node
	Input  *syntax.Field
	Output string
	Path   string // empty: all values as a map
	PathAt syntax.Span
}

func spathSpec() Spec {
	return Spec{
		Name: "spath", Syntax: "spath input=FIELD [output=NAME] [[path=]PATH]",
		Doc: "Reads a value out of JSON text; without a path all values, as a map from dotted names to texts.", Parse: parseSpath,
	}
}

func parseSpath(p *syntax.Parser, n node) Command {
	s := &Spath{node: n}
	for !p.AtEnd() && !p.Is("|") && !p.Is("]") {
		switch {
		case p.AcceptOption("input"):
			s.Input = p.Field()
		case p.AcceptOption("output"):
			s.Output = p.Field().Name
		case p.AcceptOption("path"), s.Path == "":
			s.Path, s.PathAt = jsonPathText(p)
		default:
			p.FailExpect("the end of spath")
		}
	}
	if s.Input == nil {
		p.Fail(n.at, "spath needs input=FIELD")
		s.Input = &syntax.Field{}
	}
	return s
}

// jsonPathText reads a path in quotes, or everything up to the next blank.
func jsonPathText(p *syntax.Parser) (string, syntax.Span) {
	start := p.Peek()
	if start.Kind == syntax.String {
		return p.Str("a path"), start.Span()
	}
	for n := 0; !p.AtEnd() && !p.Is("|") && (n == 0 || p.Adjacent()); n++ {
		p.Next()
	}
	at := syntax.Span{Start: int(start.Start), End: max(p.LastEnd(), int(start.End))}
	return strings.ReplaceAll(p.Slice(at), "`", ""), at
}

// String returns the command as PPL.
func (s *Spath) String() string {
	out := "spath input=" + syntax.Name(s.Input.Name)
	if s.Output != "" {
		out += " output=" + syntax.Name(s.Output)
	}
	if s.Path != "" {
		out += " path=" + syntax.Quote(s.Path)
	}
	return out
}

// Compile adds the value as a column.
func (s *Spath) Compile(_ *plan.Env, in *plan.Rel) (*plan.Rel, error) {
	if err := s.needSource(in); err != nil {
		return nil, err
	}
	in.Settle()
	in.PrepareFields(s.Input)
	name := s.Output
	if s.Path == "" {
		x, err := in.Field(s.Input)
		if err != nil {
			return nil, err
		}
		y := plan.Cell(rows.Struct, "ppl_json_map(%s)", text(x))
		y.JSON = true
		if name == "" {
			name = s.Input.Name
		}
		c := plan.NewCol(name, y)
		c.Flat = true
		in.Set(c)
		in.Flush()
		return in, nil
	}
	path := &syntax.Literal{Node: syntax.Node{At: s.PathAt}, Value: s.Path}
	y, err := in.Compile(&syntax.Call{Name: "json_extract", NameAt: s.PathAt, Args: []syntax.Arg{{X: s.Input}, {X: path}}})
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = s.Path
	}
	in.Set(plan.NewCol(name, y))
	return in, nil
}

// jsonMap flattens a JSON object: dotted names, {} behind arrays, all values as texts; several values of one name become one
// text in brackets. Broken JSON gives what was read before the break.
func jsonMap(args []any) (any, error) {
	s, _ := args[0].(string)
	m := &flatMap{values: map[string][]string{}}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	if err := m.read(dec, "", 0); err != nil && !errors.Is(err, io.EOF) && len(m.keys) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		v := m.values[k][0]
		if len(m.values[k]) > 1 {
			v = "[" + strings.Join(m.values[k], ", ") + "]"
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, fmt.Errorf("ppl_json_map: %w", err)
		}
		val, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("ppl_json_map: %w", err)
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return b.String(), nil
}

type flatMap struct {
	keys   []string
	values map[string][]string
}

// jsonDepth bounds nesting in JSON that spath flattens.
const jsonDepth = 200

func (m *flatMap) read(dec *json.Decoder, name string, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("read json: %w", err)
	}
	if depth > jsonDepth {
		return errors.New("json nested too deep")
	}
	switch d, _ := t.(json.Delim); d {
	case '{':
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return fmt.Errorf("read json: %w", err)
			}
			key := fmt.Sprint(k)
			if name != "" {
				key = name + "." + key
			}
			if err := m.read(dec, key, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	case '[':
		for dec.More() {
			if err := m.read(dec, name+"{}", depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	default:
		m.add(name, t)
	}
	if err != nil {
		return fmt.Errorf("read json: %w", err)
	}
	return nil
}

func (m *flatMap) add(name string, v any) {
	text := "null"
	if v != nil {
		text = fmt.Sprint(v)
	}
	if m.values[name] == nil {
		m.keys = append(m.keys, name)
	}
	m.values[name] = append(m.values[name], text)
}
