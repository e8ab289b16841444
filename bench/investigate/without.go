package main

import (
	"context"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/engine"
)

// lesser hides part of what a recording holds, to measure what the investigation still finds without it.
type lesser struct {
	engine.Engine
	hidden []string // messages, logs, metrics, places, versions
}

// Tables leaves hidden tables out.
func (l lesser) Tables(ctx context.Context) ([]engine.Table, error) {
	t, err := l.Engine.Tables(ctx)
	return slices.DeleteFunc(t, func(t engine.Table) bool { return slices.Contains(l.hidden, t.Name) }), err
}

// Fields leaves the columns of hidden things out.
func (l lesser) Fields(ctx context.Context, table string) ([]engine.Field, error) {
	f, err := l.Engine.Fields(ctx, table)
	return slices.DeleteFunc(f, func(f engine.Field) bool {
		n := f.Name
		switch {
		case slices.Contains(l.hidden, "messages") && (n == "status.message" || n == "events" || strings.HasPrefix(n, "attributes.exception.") || n == "attributes.error.type"):
			return true
		case slices.Contains(l.hidden, "places") && strings.HasPrefix(n, "resource.attributes.") && !strings.Contains(n, "service.name") && !strings.Contains(n, "service.version"):
			return true
		}
		return slices.Contains(l.hidden, "versions") && strings.HasSuffix(n, "service.version")
	}), err
}
