package investigate

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/plumbline-mcp/plumbline/internal/trace"
)

// harmRow is one group of requests and how many of them the first suspect spoiled.
type harmRow struct {
	kind, name string
	bad, all   int
}

// harm groups the spoiled requests of a suspect by entry operation, region, tenant-like attribute and service on their way, each
// with the share of the group's requests in the incident.
func (q *inquiry) harm(s *suspect, cl *clues) []harmRow {
	type key struct{ kind, name string }
	by := map[key]*harmRow{}
	spoiled := map[int32]bool{}
	for _, b := range s.cause {
		spoiled[b.job] = true
	}
	put := func(kind, name string, bad bool) {
		if name == "" {
			return
		}
		k := key{kind, name}
		if by[k] == nil {
			by[k] = &harmRow{kind: kind, name: name}
		}
		by[k].all++
		if bad {
			by[k].bad++
		}
	}
	users := q.userKeys()
	groups := q.groupKeys()
	for i := range cl.js.jobs {
		j := &cl.js.jobs[i]
		if !q.win.incident(j.start) {
			continue
		}
		bad := spoiled[int32(i)]
		root := &q.spans.Spans[j.root]
		put("operation", q.entryName(&cl.js.classes[j.class]), bad)
		put("region", q.text(q.spans.Res(root).Region), bad)
		for _, k := range groups {
			if v := q.spans.Attr(root, k); v != "" {
				put("group", q.spans.Keys()[k]+"="+v, bad)
			}
		}
		for _, k := range users {
			put("users", q.spans.Attr(root, k), bad)
		}
	}
	return collapse(by, func(k key) string { return k.kind })
}

// collapse turns the single users into one row and orders the rest by spoiled requests.
func collapse[K comparable](by map[K]*harmRow, kind func(K) string) []harmRow {
	users := harmRow{kind: "users", name: "distinct users hit, of those seen"}
	var out []harmRow
	for k, r := range by {
		if kind(k) == "users" {
			users.all++
			if r.bad > 0 {
				users.bad++
			}
			continue
		}
		if r.bad > 0 {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b harmRow) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(b.bad, a.bad), cmp.Compare(a.name, b.name))
	})
	if users.all > 0 {
		out = append([]harmRow{users}, out...)
	}
	return out
}

// entryName is how people call a class of requests: the first operation served behind the gateway.
func (q *inquiry) entryName(c *class) string {
	root, first := q.units[c.root], q.units[c.first]
	if first != root {
		return q.text(first.service) + " " + q.text(first.name)
	}
	return q.text(root.service) + " " + q.text(root.name)
}

// groupKeys are the attributes of requests that name groups of users.
func (q *inquiry) groupKeys() []trace.KeyID {
	var out []trace.KeyID
	for i, k := range q.spans.Keys() {
		for _, w := range []string{"tenant", "tier", "customer.segment", "plan", "organization", "platform", "client.version"} {
			if len(k) >= len(w) && k[len(k)-len(w):] == w && !q.spans.HighCardinality(trace.KeyID(i)) {
				out = append(out, trace.KeyID(i))
			}
		}
	}
	return out
}

func (q *inquiry) blastTable(list []*suspect, cl *clues) Table {
	t := Table{Method: "requests of the incident that the first suspect spoiled, by entry operation, region and groups of users, with their share", Columns: []string{"what", "name", "spoiled", "requests", "share_pct"}}
	if len(list) == 0 {
		return t
	}
	for _, r := range q.harm(list[0], cl) {
		t.Rows = append(t.Rows, []string{r.kind, r.name, strconv.Itoa(r.bad), strconv.Itoa(r.all), number3(percent(float64(r.bad), float64(r.all)))})
	}
	return t
}
