package remote

import (
	"context"
	"encoding/json"
)

// missingLooked is how many documents without a value in a keyword are looked at. A field that leaves out one in a hundred of
// the values it lacks is found out in 99 of 100 cases.
const missingLooked = 500

// whole reports whether a keyword's index has all values. Values longer than ignore_above are not in it, and OpenSearch keeps no
// record of that: documents without a value are looked at, once while the mapping is believed. If all of them are seen the answer
// is sure; a field that lacks values in more is judged by those seen.
func (e *Engine) whole(ctx context.Context, t *table, l *leaf) bool {
	if known, ok := t.looked.Load(l.exact); ok {
		return known == true
	}
	r, err := e.search(ctx, t.target, dsl{
		"size": missingLooked, "track_total_hits": false, "query": not(exists(l.exact)), "_source": []string{l.path},
	}, nil)
	if err != nil {
		return false // the way that needs no such promise says what is wrong
	}
	ok := true
	for i := range r.Hits {
		if hasValue(r.Hits[i].Source, l.path) {
			ok = false
			break
		}
	}
	t.looked.Store(l.exact, ok)
	return ok
}

// hasValue reports whether a document has a value at the path, be it within lists.
func hasValue(source json.RawMessage, path string) bool {
	v, ok := lookIn(source, path)
	if list, isList := v.([]any); isList {
		for _, x := range list {
			if x != nil {
				return true
			}
		}
		return false
	}
	return ok
}
