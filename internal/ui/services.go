package ui

import (
	"context"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/metrics"
	"github.com/plumbline-mcp/plumbline/internal/metrics/health"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// servicesContent is the list of services, or what else the source has.
type servicesContent struct {
	*health.Report

	Tables []engine.Table // when nothing tells of requests
	Why    string
}

func (s *server) services(ctx context.Context, v *view) (any, error) {
	r, err := v.span(s.Now())
	if err != nil {
		return nil, err
	}
	report, err := s.health(ctx, v.Source, r)
	if fault.CodeOf(err) != fault.NotFound {
		return servicesContent{Report: report}, err
	}
	eng, oerr := s.Sources.Open(ctx, v.Source)
	if oerr != nil {
		return nil, err
	}
	tables, terr := eng.Tables(ctx)
	if terr != nil || len(tables) == 0 {
		return nil, err
	}
	return servicesContent{Tables: tables, Why: err.Error()}, nil
}

func (s *server) health(ctx context.Context, source string, r timerange.Range) (*health.Report, error) {
	src, err := s.Sources.Metrics(ctx, source)
	if err != nil {
		return nil, err
	}
	var eng engine.Engine
	if _, local := src.(*metrics.Local); local {
		if eng, err = s.Sources.Open(ctx, source); err != nil {
			return nil, err
		}
	}
	return health.Check(ctx, src, eng, health.Request{Range: r, Now: s.Now()})
}
