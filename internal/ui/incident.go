package ui

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/plumbline-mcp/plumbline/internal/engine"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// incidentContent is the form of an investigation; its report stands in a frame.
type incidentContent struct {
	Alert, AlertTime, Service string
	Run                       bool
	Frame                     string
	Quiet                     string
}

func (s *server) incident(ctx context.Context, v *view) (any, error) {
	out := &incidentContent{Alert: v.get("alert"), AlertTime: v.get("alert_time"), Service: v.get("service"), Run: v.get("run") != ""}
	if _, err := s.investigation(v); err != nil {
		return nil, err
	}
	if out.Run {
		if _, err := s.Sources.Open(ctx, v.Source); err != nil {
			return nil, err
		}
		out.Frame = link(v, "report", "alert", out.Alert, "alert_time", out.AlertTime, "service", out.Service)
	}
	return out, nil
}

// investigation reads the request of an investigation out of the form.
func (s *server) investigation(v *view) (investigate.Request, error) {
	req := investigate.Request{Service: v.get("service"), Detail: true}
	r, err := v.span(s.Now())
	if err != nil {
		return req, err
	}
	req.Start, req.End = r.Start, r.End
	if text := v.get("alert"); text != "" {
		if req.Alert, err = investigate.ParseAlert([]byte(text)); err != nil {
			return req, err
		}
	}
	if at := v.get("alert_time"); at != "" {
		req.Alert.Time, err = timerange.Instant(at, s.Now())
	}
	return req, err
}

// reportPolicy is that of the self-contained report: its style is inline, scripts there are none.
const reportPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// report runs an investigation and answers its report as a page of its own.
func (s *server) report(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	v := s.request(r, page{"incident", "Incident", nil})
	v.Title = "Incident"
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		s.fail(w, v, ctx.Err())
		return
	}
	var b bytes.Buffer
	if err := s.investigate(ctx, v, &b); err != nil {
		s.fail(w, v, err)
		return
	}
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

func (s *server) investigate(ctx context.Context, v *view, w *bytes.Buffer) error {
	req, err := s.investigation(v)
	if err != nil {
		return err
	}
	var eng engine.Engine
	if eng, err = s.Sources.Open(ctx, v.Source); err != nil {
		return err
	}
	verdict, err := investigate.Run(ctx, eng, req)
	if err != nil {
		return err
	}
	data, err := report.Collect(ctx, eng, v.Source, req.Alert, verdict)
	if err != nil {
		return err
	}
	return report.HTML(w, data)
}
