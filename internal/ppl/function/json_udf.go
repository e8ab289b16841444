package function

import (
	"encoding/json"
	"strconv"
)

func jsonUDFs() []UDF {
	change := func(name string, f func(tree any, steps []step, value any)) UDF {
		return UDF{Name: name, In: []string{"VARCHAR"}, Variadic: "VARCHAR", Out: "VARCHAR", NullsIn: true, Fn: changer(f)}
	}
	return []UDF{
		{Name: "ppl_json_extract", In: []string{"VARCHAR"}, Variadic: "VARCHAR", Out: "VARCHAR", NullsIn: true, Fn: extractUDF},
		{Name: "ppl_json_delete", In: []string{"VARCHAR"}, Variadic: "VARCHAR", Out: "VARCHAR", NullsIn: true, Fn: deleteUDF},
		change("ppl_json_set", setAt),
		change("ppl_json_append", appendAt),
		change("ppl_json_extend", extendAt),
	}
}

// extractUDF is json_extract: one path gives its value, several give an array of values.
func extractUDF(args []any) (any, error) {
	tree, ok := treeOf(args[0])
	if !ok {
		return nil, nil
	}
	var results []any
	for _, p := range args[1:] {
		path, ok := p.(string)
		if !ok {
			return nil, nil
		}
		steps, err := parsePath(path)
		if err != nil {
			return nil, err
		}
		found, several := find(tree, steps)
		switch {
		case several:
			results = append(results, &jsonArr{items: found})
		case len(found) == 0:
			results = append(results, nil)
		default:
			results = append(results, found[0])
		}
	}
	if len(results) > 1 {
		return jsonString(&jsonArr{items: results}), nil
	}
	switch x := results[0].(type) {
	case nil:
		return nil, nil
	case string:
		return x, nil
	default:
		return jsonString(x), nil
	}
}

// treeOf parses an argument; text that is no JSON is as good as missing.
func treeOf(arg any) (any, bool) {
	text, ok := arg.(string)
	if !ok {
		return nil, false
	}
	tree, err := parseJSON(text)
	return tree, err == nil
}

func deleteUDF(args []any) (any, error) {
	tree, ok := treeOf(args[0])
	if !ok {
		return nil, nil
	}
	for _, p := range args[1:] {
		path, ok := p.(string)
		if !ok {
			return nil, nil
		}
		steps, err := parsePath(path)
		if err != nil {
			return nil, err
		}
		if len(steps) == 0 {
			return nil, nil
		}
		parents, _ := find(tree, steps[:len(steps)-1])
		for _, parent := range parents {
			steps[len(steps)-1].delete(parent)
		}
	}
	return jsonString(tree), nil
}

// delete removes what the step reaches from its parent.
func (s step) delete(parent any) {
	switch x := parent.(type) {
	case *jsonObj:
		if s.index < 0 && !s.all {
			x.remove(s.key)
		}
	case *jsonArr:
		switch {
		case s.all:
			x.items = nil
		case s.index >= 0 && s.index < len(x.items):
			x.items = append(x.items[:s.index:s.index], x.items[s.index+1:]...)
		}
	}
}

// changer applies f to the JSON of the first argument for each pair of path and JSON value.
func changer(f func(tree any, steps []step, value any)) func([]any) (any, error) {
	return func(args []any) (any, error) {
		tree, ok := treeOf(args[0])
		if !ok {
			return nil, nil
		}
		for i := 1; i+1 < len(args); i += 2 {
			path, ok := args[i].(string)
			if !ok {
				return nil, nil
			}
			steps, err := parsePath(path)
			if err != nil {
				return nil, err
			}
			value, _ := treeOf(args[i+1])
			f(tree, steps, value)
		}
		return jsonString(tree), nil
	}
}

// setAt sets or adds the value where the path's parent exists.
func setAt(tree any, steps []step, value any) {
	if len(steps) == 0 {
		return
	}
	last := steps[len(steps)-1]
	parents, _ := find(tree, steps[:len(steps)-1])
	for _, parent := range parents {
		switch x := parent.(type) {
		case *jsonObj:
			if last.index < 0 && !last.all {
				x.set(last.key, value)
			}
		case *jsonArr:
			for i := range x.items {
				if last.all || last.index == i {
					x.items[i] = value
				}
			}
		}
	}
}

// appendAt adds the value to the arrays at the path.
func appendAt(tree any, steps []step, value any) {
	found, _ := find(tree, steps)
	for _, v := range found {
		if arr, ok := v.(*jsonArr); ok {
			arr.items = append(arr.items, value)
		}
	}
}

// extendAt adds the elements of the value, an array or the text of one, to the arrays at the path. Numbers become decimal
// on the way, as on a cluster.
func extendAt(tree any, steps []step, value any) {
	elements := []any{value}
	switch x := value.(type) {
	case *jsonArr:
		elements = x.items
	case string:
		if inner, err := parseJSON(x); err == nil {
			if arr, ok := inner.(*jsonArr); ok {
				elements = make([]any, len(arr.items))
				for i, e := range arr.items {
					elements[i] = decimal(e)
				}
			}
		}
	}
	for _, e := range elements {
		appendAt(tree, steps, e)
	}
}

func decimal(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil {
		return v
	}
	return json.Number(javaFloat(f, false))
}
