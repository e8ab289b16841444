package check

import (
	"fmt"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func serverMismatch() Rule {
	return Rule{
		ID: "server-does-not-match-meta", Type: ServerMismatch,
		Doc: "A region that one other server holds open than hbase:meta names, or that is open though its table is disabled: by an ERROR line of hbck or the master's page. A move between the sources is none: without their word a difference of two lists is no finding.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if m.Encoded == hbase.MetaEncoded || !r.wanted(m) || len(r.holders(m)) > 1 {
					continue
				}
				if server, why := r.elsewhere(m); server != "" && !r.movedOn(m, "OPEN") {
					out = append(out, r.mismatch(m, server, why))
				}
			}
			return out
		},
	}
}

// elsewhere returns the server that holds the region against hbase:meta's word.
func (r *run) elsewhere(m *hbase.Region) (server, why string) {
	for _, e := range r.errors[m.Encoded] {
		deployed := strings.Join(e.Deployed, " ")
		switch e.Code {
		case "SERVER_DOES_NOT_MATCH_META":
			if deployed == "" && r.Hbck != nil {
				deployed = strings.Join(r.Hbck.Deployed(m.Encoded), " ")
			}
			if deployed != m.Location() {
				return deployed, "hbase:meta names " + m.Location()
			}
		case "SHOULD_NOT_BE_DEPLOYED":
			return deployed, "by hbase:meta it should not be open"
		}
	}
	for _, e := range r.pages[m.Encoded] {
		if e.Section == hbase.PageInconsistent && len(e.Servers) == 1 && e.Servers[0] != m.Location() && m.State == "OPEN" {
			return e.Servers[0], "hbase:meta names " + m.Location()
		}
	}
	return "", ""
}

func (r *run) mismatch(m *hbase.Region, server, why string) Finding {
	f := r.of(ServerMismatch, finding.High, m, fmt.Sprintf("region %s of %s is open on %s; %s", m.Encoded, m.Table, server, why))
	f.Servers = append(f.Servers, server)
	f.DataLoss = "none"
	if !r.serving(m.Table) {
		f.Cause = "SHOULD_NOT_BE_DEPLOYED"
	}
	f.meta(r, m.SNAt)
	f.reports(r, "SERVER_DOES_NOT_MATCH_META", "SHOULD_NOT_BE_DEPLOYED")
	f.events(r, hbase.SigServerMismatch, hbase.SigStateMismatch)
	return f
}
