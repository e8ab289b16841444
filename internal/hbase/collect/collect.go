package collect

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// run is one collection.
type run struct {
	c     Config
	host  *Host
	began time.Time
	spent atomic.Int64
}

func (r *run) left() int64   { return r.c.MaxBytes - r.spent.Load() }
func (r *run) spend(n int64) { r.spent.Add(n) }

// as puts before a command what makes it run as HBase's user.
func (r *run) as(words ...string) []string { return append(append([]string{}, r.host.As...), words...) }

// Run collects a bundle into c.Out. A source that fails is recorded in the manifest and the run goes on; an error is
// returned only if the bundle itself cannot be written.
func Run(ctx context.Context, c Config) (*Manifest, error) {
	c.defaults()
	if entries, err := os.ReadDir(c.Out); err == nil && len(entries) > 0 {
		return nil, fault.WithHint(fault.New(fault.InvalidArgument, "collect: %s is not empty", c.Out), "Give a new directory: two collections in one would be mixed.")
	}
	r := &run{c: c, host: Discover(c), began: c.Now()}
	m := &Manifest{
		JobFlowID: r.host.JobFlow, StartedAt: r.began.UTC().Truncate(time.Second), LookbackHours: c.Lookback.Hours(), RootDir: r.host.RootDir,
		Hbck2Jar: r.host.Hbck2, TimeZone: zone(r.began.In(c.Location)), Collector: "plumbline " + c.Version,
	}
	m.Commands = r.commands(ctx)
	m.HBaseVersion = r.version(ctx)
	c.Say("copying logs of the last " + c.Lookback.String())
	m.Logs = r.copyLogs(ctx)
	m.Nodes = nodes(m.Logs)
	m.CollectedAt = c.Now().UTC().Truncate(time.Second)
	m.Complete = whole(m)
	if err := r.writeSummary(m); err != nil {
		return nil, err
	}
	if err := r.writeManifest(m); err != nil {
		return nil, err
	}
	return m, ctx.Err()
}

func zone(t time.Time) string { return t.Format("MST -07:00") }

func whole(m *Manifest) bool {
	for _, c := range m.Commands {
		if !c.Complete {
			return false
		}
	}
	for _, l := range m.Logs {
		if l.Status == statusPartial || l.Status == statusFailed {
			return false
		}
	}
	return true
}

// commands runs what shows the cluster's state, side by side: the closer in time the sources are, the less they contradict
// each other by what happened between them.
func (r *run) commands(ctx context.Context) []Command {
	steps := []func(context.Context) Command{r.hbck, r.meta, r.listRoot, r.processes}
	if r.host.WALDir != "" {
		steps = append(steps, r.listWALs)
	}
	out := make([]Command, len(steps))
	var wg sync.WaitGroup
	var live []Command
	if r.c.Live != "" {
		r.c.Say("reading the master's pages at " + r.c.Live)
		live = r.fetchPages(ctx) // before hbck1, which the inspections would otherwise run beside
	}
	r.c.Say("running hbck, the scan of hbase:meta and the listing of " + r.host.RootDir)
	for i, step := range steps {
		wg.Go(func() { out[i] = step(ctx) })
	}
	wg.Wait()
	return append(out, live...)
}

// The last lines of whole outputs.
var (
	hbckEnds = regexp.MustCompile(`(?m)^Status: (OK|INCONSISTENT)\s*$`)
	metaEnds = regexp.MustCompile(`(?m)^\d+ row\(s\)`)
)

// hbck runs hbck1's report: it only reads. It exits with 255 whenever it finds something.
func (r *run) hbck(ctx context.Context) Command {
	if r.host.Hbase == "" {
		return Command{Name: "hbck", Command: "hbase hbck -details", File: fileHbck, ExitCode: -1, Problem: "no hbase command in PATH"}
	}
	return r.command(ctx, job{name: "hbck", file: fileHbck, args: r.as(r.host.Hbase, "hbck", "-details"), timeout: r.c.Timeout, both: true, ends: hbckEnds})
}

func (r *run) meta(ctx context.Context) Command {
	return r.shell(ctx, "meta", fileMeta, "scan 'hbase:meta'\n", metaEnds)
}

func (r *run) shell(ctx context.Context, name, file, script string, ends *regexp.Regexp) Command {
	if r.host.Hbase == "" {
		return Command{Name: name, Command: "hbase shell", File: file, ExitCode: -1, Problem: "no hbase command in PATH"}
	}
	return r.command(ctx, job{name: name, file: file, args: r.as(r.host.Hbase, "shell"), stdin: script, timeout: r.c.Timeout, ends: ends})
}

// processes lists HBase's processes of this host, without a header.
func (r *run) processes(ctx context.Context) Command {
	return r.command(ctx, job{
		name: "processes", file: fileProcesses, timeout: min(processTimeout, r.c.Timeout), exitMatters: true,
		args: []string{"ps", "-eww", "-o", "user=,pid=,ppid=,%cpu=,%mem=,vsz=,rss=,lstart=,args="},
		keep: daemon.Match,
	})
}

// daemon matches the processes that serve; clients such as hbck, which may run beside, are left out.
var daemon = regexp.MustCompile(`org\.apache\.hadoop\.hbase\.(master\.HMaster|regionserver\.HRegionServer|rest\.RESTServer|thrift2?\.ThriftServer|LocalHBaseCluster)\b`)

// versionLine is what the shell prints at its start and `hbase version` first.
var versionLine = regexp.MustCompile(`(?m)^(?:Version |HBase )(\d+\.\d+\.\d+[\w.\-]*?)(?:-hadoop\d+)?(?:,|\s|$)`)

// version reads HBase's version from the shell's banner, else asks for it.
func (r *run) version(ctx context.Context) string {
	if r.host.Hbase == "" {
		return ""
	}
	if head, err := readHead(filepath.Join(r.c.Out, filepath.FromSlash(fileMeta))); err == nil {
		if m := versionLine.FindSubmatch(head); m != nil {
			return string(m[1])
		}
	}
	const file = "diagnostics/hbase_version.txt"
	r.command(ctx, job{name: "version", file: file, args: []string{r.host.Hbase, "version"}, timeout: min(2*time.Minute, r.c.Timeout), both: true})
	if head, err := readHead(filepath.Join(r.c.Out, filepath.FromSlash(file))); err == nil {
		if m := versionLine.FindSubmatch(head); m != nil {
			return string(m[1])
		}
	}
	return ""
}

// readHead reads the first few kilobytes of a file.
func readHead(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, tailBytes)
	n, _ := f.Read(b) // an empty file holds no version
	return b[:n], nil
}
