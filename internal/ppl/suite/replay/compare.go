package replay

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tolerance is the relative difference that numbers may have.
const tolerance = 1e-6

// Check holds an answer against what the case wants; the result is "" or the first difference in one line.
func (c *Case) Check(a *Answer, err error) string {
	if c.Error != "" {
		return c.checkError(err)
	}
	if err != nil {
		return "error: " + oneLine(err.Error())
	}
	if c.Unordered() && len(a.Columns) == len(c.Columns) {
		// The columns are listed in any order; the rows are those of the answer, or follow the list.
		if reordered, ok := reorder(a, c.Columns); ok {
			if diff := c.checkRows(reordered); diff == "" || c.checkRows(a) != "" {
				return firstOf(c.checkColumns(reordered), diff)
			}
			return c.checkColumns(reordered)
		}
	}
	return firstOf(c.checkColumns(a), c.checkRows(a))
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// Unordered reports whether the columns are compared by name.
func (c *Case) Unordered() bool {
	return c.ColumnsOrdered != nil && !*c.ColumnsOrdered && len(c.Columns) > 0
}

// checkRows compares the rows, or their number.
func (c *Case) checkRows(a *Answer) string {
	want := len(c.Rows)
	if !c.hasRows {
		if c.Total == nil {
			return ""
		}
		want = *c.Total
	}
	if len(a.Rows) != want {
		return fmt.Sprintf("%d rows, want %d", len(a.Rows), want)
	}
	if !c.hasRows {
		return ""
	}
	if c.RowOrder == "ordered" {
		return c.compareOrdered(a.Rows)
	}
	return c.compareBag(a.Rows)
}

func (c *Case) checkError(err error) string {
	if err == nil {
		return "no error, want " + oneLine(c.Error)
	}
	q := asQueryError(err)
	if q == nil {
		return "failed: " + oneLine(err.Error())
	}
	switch {
	case c.Error == "bad_request":
		if q.Status == 400 {
			return ""
		}
	case c.Error == "missing":
		if q.Status == 404 {
			return ""
		}
	case strings.Contains(q.Text, c.Error):
		return ""
	case c.Origin == "yaml" && patternMatches(c.Error, q.Text):
		return ""
	}
	return fmt.Sprintf("error %q, want %q", oneLine(q.Text), oneLine(c.Error))
}

// patternMatches tries the wanted text as a pattern, with or without slashes around it.
func patternMatches(pattern, text string) bool {
	pattern = strings.TrimSpace(pattern)
	pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "/"), "/")
	re, err := regexp.Compile("(?s)" + pattern)
	return err == nil && re.MatchString(text)
}

// checkColumns compares the names and types of the columns in order.
func (c *Case) checkColumns(a *Answer) string {
	if len(c.Columns) == 0 {
		return ""
	}
	if len(a.Columns) != len(c.Columns) {
		return fmt.Sprintf("columns %s, want %s", names(a.Columns), names(c.Columns))
	}
	for i, want := range c.Columns {
		got := a.Columns[i]
		if got.Name != want.Name {
			return fmt.Sprintf("columns %s, want %s", names(a.Columns), names(c.Columns))
		}
		if want.Type != "" && got.Type != want.Type {
			return fmt.Sprintf("column %s is %s, want %s", want.Name, got.Type, want.Type)
		}
	}
	return ""
}

func names(cols []Column) string {
	list := make([]string, len(cols))
	for i, c := range cols {
		list[i] = c.Name
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// reorder returns a with the columns in the order wanted.
func reorder(a *Answer, want []Column) (*Answer, bool) {
	used := make([]bool, len(a.Columns))
	order := make([]int, len(want))
	for i, w := range want {
		order[i] = -1
		for j, g := range a.Columns {
			if !used[j] && g.Name == w.Name {
				order[i], used[j] = j, true
				break
			}
		}
		if order[i] < 0 {
			return a, false
		}
	}
	out := &Answer{Columns: make([]Column, len(order)), Rows: make([][]any, len(a.Rows))}
	for i, j := range order {
		out.Columns[i] = a.Columns[j]
	}
	for r, row := range a.Rows {
		out.Rows[r] = make([]any, len(order))
		for i, j := range order {
			out.Rows[r][i] = row[j]
		}
	}
	return out, true
}

func (c *Case) compareOrdered(got [][]any) string {
	for i, want := range c.Rows {
		if diff := c.rowDiff(got[i], want); diff != "" {
			return fmt.Sprintf("row %d: %s", i+1, diff)
		}
	}
	return ""
}

// compareBag matches rows in any order.
func (c *Case) compareBag(got [][]any) string {
	used := make([]bool, len(got))
next:
	for _, want := range c.Rows {
		for i, row := range got {
			if !used[i] && c.rowDiff(row, want) == "" {
				used[i] = true
				continue next
			}
		}
		for i, row := range got {
			if !used[i] {
				return fmt.Sprintf("no row %s; left over: %s", show(want), show(row))
			}
		}
	}
	return ""
}

func (c *Case) rowDiff(got, want []any) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d cells, want %d", len(got), len(want))
	}
	for i := range want {
		same := sameJSON(got[i], want[i])
		if c.ValueForm == "display" {
			same = sameDisplay(got[i], want[i])
		}
		if !same {
			return fmt.Sprintf("cell %d is %s, want %s", i+1, show(got[i]), show(want[i]))
		}
	}
	return ""
}

// show writes a value in one short line.
func show(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return oneLine(fmt.Sprint(v))
	}
	return oneLine(string(data))
}

// oneLine shortens text to one line.
func oneLine(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// asNumber returns v as a number if it is one (not if it is a string).
func asNumber(v any) (float64, bool) {
	switch x := v.(type) {
	case json.Number:
		f, err := x.Float64()
		return f, err == nil
	case float64:
		return x, true
	case int64:
		return float64(x), true
	case int:
		return float64(x), true
	}
	return 0, false
}

func near(a, b float64) bool {
	if a == b || (math.IsNaN(a) && math.IsNaN(b)) {
		return true
	}
	return math.Abs(a-b) <= tolerance*math.Max(math.Abs(a), math.Abs(b))
}

// sameList compares element by element.
func sameList(got any, want []any, same func(got, want any) bool) bool {
	g, ok := got.([]any)
	return ok && slices.EqualFunc(g, want, same)
}

// sameObject compares member by member.
func sameObject(got any, want map[string]any, same func(got, want any) bool) bool {
	g, ok := got.(map[string]any)
	return ok && maps.EqualFunc(g, want, same)
}

// sameJSON compares typed values.
func sameJSON(got, want any) bool {
	if x, ok := asNumber(got); ok {
		y, ok := asNumber(want)
		return ok && near(x, y)
	}
	switch w := want.(type) {
	case []any:
		return sameList(got, w, sameJSON)
	case map[string]any:
		return sameObject(got, w, sameJSON)
	case string:
		g, ok := got.(string)
		return ok && strings.TrimSpace(g) == strings.TrimSpace(w)
	}
	return got == want
}

// sameDisplay compares a typed value with the text the CLI prints for it.
func sameDisplay(got, want any) bool {
	text, ok := want.(string)
	if !ok {
		return sameJSON(got, want)
	}
	text = strings.TrimSpace(text)
	if x, ok := asNumber(got); ok {
		y, err := strconv.ParseFloat(text, 64)
		return err == nil && near(x, y)
	}
	switch g := got.(type) {
	case nil:
		return text == "null"
	case bool:
		return text == map[bool]string{true: "True", false: "False"}[g]
	case string:
		return ellipsis(text, g)
	}
	if v, ok := parseDisplay(text); ok && loose(got, v) {
		return true
	}
	return ellipsis(text, display(got))
}

// ellipsis compares texts; "..." in the wanted text stands for anything, runs of blanks count as one.
func ellipsis(want, got string) bool {
	want, got = strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(got), " ")
	if want == got {
		return true
	}
	parts := strings.Split(want, "...")
	if len(parts) == 1 {
		return false
	}
	for i, p := range parts {
		p = strings.TrimSpace(p)
		at := strings.Index(got, p)
		if i == len(parts)-1 {
			at = strings.LastIndex(got, p)
		}
		if at < 0 || (i == 0 && at != 0) || (i == len(parts)-1 && at+len(p) != len(got)) {
			return false
		}
		got = got[at+len(p):]
	}
	return true
}
