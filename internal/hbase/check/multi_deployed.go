package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/finding"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

func multiDeployed() Rule {
	return Rule{
		ID: "multi-deployed", Type: MultiDeployed,
		Doc: "A region that two region servers or more hold open: by hbck's deployed lists, by the master's page, or, without hbck, by region server logs that show it opened on both without a close between, while no crash of either is seen.",
		find: func(r *run) []Finding {
			var out []Finding
			for _, m := range r.Meta.Regions {
				if m.Encoded == hbase.MetaEncoded || m.SplitParent() {
					continue
				}
				if servers := r.holders(m); len(servers) > 1 {
					out = append(out, r.multiply(m, servers))
				}
			}
			return out
		},
	}
}

// holders lists the servers that hold a region open, as far as anything tells.
func (r *run) holders(m *hbase.Region) []string {
	servers := slices.Clone(r.Hbck.Deployed(m.Encoded))
	for _, e := range r.errors[m.Encoded] {
		if e.Code == "MULTI_DEPLOYED" {
			servers = append(servers, e.Deployed...)
		}
	}
	for _, e := range r.pages[m.Encoded] {
		if e.Section == hbase.PageInconsistent && len(e.Servers) > 1 {
			servers = append(servers, e.Servers...)
		}
	}
	slices.Sort(servers)
	servers = slices.Compact(servers)
	if len(servers) == 0 && r.Hbck == nil {
		return r.holdersByLog(m.Encoded)
	}
	return servers
}

// holdersByLog reads the opens and closes of the region servers.
func (r *run) holdersByLog(enc string) []string {
	open := map[string]*hbase.Event{}
	for _, e := range r.Logs.Of(enc) {
		if e.Role != "regionserver" {
			continue
		}
		switch e.Signature {
		case hbase.SigOpened:
			if o := open[e.Host]; o == nil || e.Last.After(o.Last) {
				open[e.Host] = e
			}
		default:
		}
	}
	for _, e := range r.Logs.Of(enc) {
		if o := open[e.Host]; e.Signature == hbase.SigClosed && o != nil && !e.Last.Before(o.Last) {
			delete(open, e.Host)
		}
	}
	for host := range open {
		if r.crashed(host) {
			delete(open, host)
		}
	}
	if len(open) < 2 {
		return nil
	}
	return slices.Sorted(maps.Keys(open))
}

// crashed reports whether the logs tell of the end of a region server on a host.
func (r *run) crashed(host string) bool {
	for _, sig := range []hbase.Signature{hbase.SigSCP, hbase.SigSCPDone, hbase.SigSCPRetry, hbase.SigAbort, hbase.SigDeadServer, hbase.SigZKExpired} {
		for _, e := range r.Logs.By(sig) {
			if e.Host == host || strings.HasPrefix(e.Server, host+",") {
				return true
			}
		}
	}
	return false
}

func (r *run) multiply(m *hbase.Region, servers []string) Finding {
	f := r.of(MultiDeployed, finding.Critical, m, fmt.Sprintf("region %s of %s is open on %d servers: %s; hbase:meta names %s", m.Encoded, m.Table, len(servers), strings.Join(servers, " and "), m.Location()))
	f.Servers = servers
	f.DataLoss = "both servers took writes: compare them after the repair"
	f.meta(r, m.SNAt)
	f.reports(r, "MULTI_DEPLOYED", "SERVER_DOES_NOT_MATCH_META")
	f.events(r, hbase.SigOpened, hbase.SigServerMismatch)
	if r.Hbck == nil {
		f.Confidence = medium
	}
	if d := r.Listing.Folder(m.Encoded); d != nil {
		f.Bytes = d.Bytes
	}
	return f
}
