package ppl_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-mcp/plumbline/internal/ppl"
)

// drawQuery makes a query over the shared tables that is likely to be valid.
func drawQuery(t *rapid.T) string {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	table := pick("table", "logs", "people", "cities")
	numbers := map[string][]string{"logs": {"severityNumber", "took"}, "people": {"age"}, "cities": {"people"}}[table]
	words := map[string][]string{"logs": {"severityText", "body", "traceId"}, "people": {"name", "city"}, "cities": {"city", "country"}}[table]
	parts := []string{"source=" + table}
	alive := map[string]bool{}
	for _, f := range append(slices.Clone(numbers), words...) {
		alive[f] = true
	}
	field := func(of []string) string {
		f := pick("field", of...)
		if !alive[f] {
			return ""
		}
		return f
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "commands") {
		n, w := field(numbers), field(words)
		if n == "" || w == "" {
			break
		}
		switch pick("command", "where", "where2", "eval", "fields", "sort", "head", "dedup", "eventstats", "streamstats", "rename", "fillnull", "top", "stats", "reverse", "append", "parse", "trendline", "lookup", "bin") {
		case "where":
			parts = append(parts, fmt.Sprintf("where %s %s %d", n, pick("op", ">", "<", ">=", "=", "!="), rapid.IntRange(0, 40).Draw(t, "number")))
		case "where2":
			parts = append(parts, fmt.Sprintf("where %s like '%%%s%%' or isnull(%s)", w, pick("letter", "a", "o", "n"), n))
		case "eval":
			parts = append(parts, fmt.Sprintf("eval x%d = %s * 2 + 1, y%d = upper(%s), %s = %s + 1", i, n, i, w, n, n))
		case "fields":
			parts = append(parts, "fields "+strings.Join(append(slices.Clone(numbers), words...), ", "))
		case "sort":
			parts = append(parts, fmt.Sprintf("sort %s%s, %s", pick("sign", "-", "+"), n, w))
		case "head":
			parts = append(parts, fmt.Sprintf("head %d from %d", rapid.IntRange(1, 4).Draw(t, "rows"), rapid.IntRange(0, 2).Draw(t, "from")))
		case "dedup":
			parts = append(parts, fmt.Sprintf("dedup %d %s %s", rapid.IntRange(1, 2).Draw(t, "keep"), w, pick("empty", "", "keepempty=true")))
		case "eventstats":
			parts = append(parts, fmt.Sprintf("eventstats avg(%s) as e%d by %s", n, i, w))
		case "streamstats":
			parts = append(parts, fmt.Sprintf("streamstats window=2 sum(%s) as s%d", n, i))
		case "rename":
			parts = append(parts, fmt.Sprintf("rename %s as r%d | eval %s = r%d", n, i, n, i))
		case "fillnull":
			parts = append(parts, "fillnull with 0 in "+n)
		case "reverse":
			parts = append(parts, "reverse")
		case "bin":
			parts = append(parts, fmt.Sprintf("bin %s span=10 as b%d", n, i))
		case "trendline":
			parts = append(parts, fmt.Sprintf("trendline sma(2, %s) as t%d", n, i))
		case "append":
			parts = append(parts, fmt.Sprintf("append [source=%s | where %s > 10]", table, n))
		case "parse":
			parts = append(parts, fmt.Sprintf("parse %s '(?<p%d>[a-z]+).*'", w, i))
		case "lookup":
			if table == "people" && alive["city"] {
				parts = append(parts, "lookup cities city replace country as c"+strconv.Itoa(i))
			}
		case "top":
			parts = append(parts, "top 3 "+w)
			for f := range alive {
				alive[f] = f == w
			}
		case "stats":
			parts = append(parts, fmt.Sprintf("stats count() as n, sum(%s) as %s by %s", n, n, w))
			for f := range alive {
				alive[f] = f == n || f == w
			}
		}
	}
	return strings.Join(parts, " | ")
}

func TestAQueryMeansTheSameWithEachCommandOnItsOwn(t *testing.T) {
	m := shared(t)
	rapid.Check(t, func(r *rapid.T) {
		query := drawQuery(r)
		fast, plain := m.answer(t, query, false), m.answer(t, query, true)
		if fast != plain {
			r.Fatalf("%s\nas one:\n%s\neach on its own:\n%s", query, fast, plain)
		}
	})
}

func TestAFormattedQueryMeansTheSame(t *testing.T) {
	m := shared(t)
	rapid.Check(t, func(r *rapid.T) {
		query := drawQuery(r)
		q, err := ppl.Parse(query)
		if err != nil {
			r.Fatalf("%s: %v", query, err)
		}
		formatted := ppl.Format(q)
		again, err := ppl.Parse(formatted)
		if err != nil {
			r.Fatalf("%s: %v", formatted, err)
		}
		if f := ppl.Format(again); f != formatted {
			r.Fatalf("%s\nbecomes %s\nbecomes %s", query, formatted, f)
		}
		if a, b := m.answer(t, query, false), m.answer(t, formatted, false); a != b && !strings.HasPrefix(a, "error ") {
			r.Fatalf("%s\n%s\nformatted %s\n%s", query, a, formatted, b)
		}
	})
}

// hostile are names and texts that would end a quotation if they were not quoted.
var hostile = []string{`zq"; DROP TABLE x; --`, `zq'); SELECT 1; --`, "zq`x", `zq\`, `zq$$x`, `zq/*x*/`, "zq\nx", `zq''""`, `zq%s`, `zq{0}`}

func TestWhatAUserWritesIsAlwaysQuotedInSQL(t *testing.T) {
	m := shared(t)
	rapid.Check(t, func(r *rapid.T) {
		word := rapid.SampledFrom(hostile).Draw(r, "word")
		text := ppl.Quote(word)
		name := "`" + strings.ReplaceAll(word, "`", "``") + "`"
		query := strings.NewReplacer("TEXT", text, "NAME", name).Replace(rapid.SampledFrom([]string{
			"source=people | where name = TEXT", "source=people | eval NAME = 1 | fields NAME", "source=people | rename age as NAME | stats sum(NAME) by NAME",
			"source=people | stats count() as NAME by city | sort NAME", "source=people | where name like TEXT or name in (TEXT, 'b')",
			"source=people | eval x = concat(name, TEXT), y = replace(name, TEXT, TEXT)", "source=people | fillnull with TEXT in name",
			"source=people | eval NAME = name | dedup NAME | top NAME", "source=people | replace TEXT with TEXT in name", "source=people | chart count() by city, name | where name != TEXT",
			"source=people | eval a = case(name = TEXT, TEXT else TEXT)", "source=people name=TEXT", "source=people | parse name TEXT", "source=people | eval o = json_object(TEXT, TEXT)",
			"source=people | eventstats count() as NAME | streamstats sum(NAME) as x", "source=people | transpose 2 column_name=NAME", "source=people | join left=l right=r on l.city = r.city cities | eval NAME = TEXT",
			"source=people | timechart timefield=NAME count()", "source=NAME", "source=people | lookup NAME city", "source=people | fields NAME", "source=people | xyseries name city in (TEXT) age",
			"makeresults format=csv data=TEXT", "source=people | eval t = strftime(0, TEXT)", "source=people | spath input=name path=NAME", "source=people | foreach age [ eval NAME = <<FIELD>> ]",
			"source=people | graphlookup people start=name edge=NAME-->name as x", "source=people | patterns name new_field=NAME",
		}).Draw(r, "query"))
		q, err := ppl.Parse(query)
		if err != nil {
			return // refused
		}
		p, err := ppl.Compile(t.Context(), q, m, ppl.DefaultOptions(clock))
		if err != nil {
			return
		}
		if bare := unquoted(p.SQL); strings.Contains(strings.ToLower(bare), "zq") {
			r.Fatalf("%s\nis outside quotes in\n%s", query, p.SQL)
		}
	})
}

// unquoted is the part of SQL outside literals and quoted identifiers.
func unquoted(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql); i++ {
		q := sql[i]
		if q != '\'' && q != '"' {
			b.WriteByte(q)
			continue
		}
		for i++; i < len(sql); i++ {
			if sql[i] != q {
				continue
			}
			if i+1 < len(sql) && sql[i+1] == q {
				i++
				continue
			}
			break
		}
	}
	return b.String()
}
