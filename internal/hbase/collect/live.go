package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// page is something the master tells over HTTP.
type page struct {
	name, path, file string
	ends             *regexp.Regexp // of a whole one
}

// pages lists what is asked of a live master. The HBCK report is asked for from its cache: opening it otherwise runs the
// inspections, which is dear on a big cluster.
func pages() []page {
	html, object := regexp.MustCompile(`(?i)</html>\s*$`), regexp.MustCompile(`}\s*$`)
	return []page{
		{"hbck_page", "/hbck.jsp?cache=true", filePage, html},
		{"hbck_metrics", "/hbck/hbck-metrics", "diagnostics/hbck_metrics.json", object},
		{"rits", "/rits.jsp?format=json", "diagnostics/rits.json", object},
		{"procedures", "/procedures.jsp", "diagnostics/procedures.html", html},
		{"tables", "/tablesDetailed.jsp", "diagnostics/tables.html", html},
		{"jmx_master", "/jmx?qry=Hadoop:service=HBase,name=Master,sub=*", "diagnostics/jmx_master.json", object},
	}
}

// fetchPages reads the master's pages.
func (r *run) fetchPages(ctx context.Context) []Command {
	var out []Command
	if r.c.Inspect {
		out = append(out, r.shell(ctx, "inspect", "diagnostics/inspection.txt", "catalogjanitor_run\nhbck_chore_run\n", regexp.MustCompile(`(?s).`)))
	}
	for _, p := range pages() {
		out = append(out, r.fetch(ctx, p))
	}
	return out
}

func (r *run) fetch(ctx context.Context, p page) (rec Command) {
	url := strings.TrimRight(r.c.Live, "/") + p.path
	rec = Command{Name: p.name, Command: "curl -s '" + url + "'", File: p.file, ExitCode: -1}
	began := r.c.Now()
	defer func() { rec.Seconds = round(r.c.Now().Sub(began).Seconds()) }()
	ctx, cancel := context.WithTimeout(ctx, min(liveTimeout, r.c.Timeout))
	defer cancel()
	body, err := r.get(ctx, url)
	rec.TimedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	if err != nil {
		rec.Problem = err.Error()
		return rec
	}
	rec.ExitCode = 0
	out, err := r.create(p.file)
	if err == nil {
		_, err = out.Write(body)
		err = errors.Join(err, out.Close())
	}
	rec.Bytes = int64(len(body))
	r.spend(rec.Bytes)
	switch {
	case err != nil:
		rec.Problem = err.Error()
	case !p.ends.Match(body):
		rec.Problem = "the page does not end as a whole one does"
	default:
		rec.Complete = true
	}
	return rec
}

func (r *run) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := r.c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK && strings.HasSuffix(url, "/hbck/hbck-metrics"):
		return nil, fmt.Errorf("status %d: before the first run of the HBCK chore there is no report, and 2.6 cannot write one of a region without a server", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	case len(body) > maxPage:
		return nil, fmt.Errorf("over %d bytes", maxPage)
	}
	return []byte(strings.TrimSpace(string(body)) + "\n"), nil
}
