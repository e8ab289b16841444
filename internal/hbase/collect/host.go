package collect

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Host is what a run finds out about the machine it is on.
type Host struct {
	ConfDir  string            `json:"conf_dir,omitempty"`  // directory of hbase-site.xml
	RootDir  string            `json:"root_dir"`            // hbase.rootdir, hdfs://… or s3://…
	WALDir   string            `json:"wal_dir,omitempty"`   // hbase.wal.dir where it is apart from the root
	LogDirs  []string          `json:"log_dirs,omitempty"`  // that exist and hold HBase's logs
	Hbase    string            `json:"hbase,omitempty"`     // path of the hbase command
	HDFS     string            `json:"hdfs,omitempty"`      // path of the hdfs command
	Hbck2    string            `json:"hbck2_jar,omitempty"` // path of the operator tools' jar
	JobFlow  string            `json:"job_flow,omitempty"`  // j-…, on EMR
	Instance string            `json:"instance,omitempty"`  // i-…, on EC2
	LogURI   string            `json:"log_uri,omitempty"`   // s3://…, where EMR ships logs to
	As       []string          `json:"as,omitempty"`        // what stands before commands that need HBase's user
	site     map[string]string // hbase-site.xml
}

// OnS3 reports whether the root directory is on S3.
func (h *Host) OnS3() bool {
	u, err := url.Parse(h.RootDir)
	return err == nil && (u.Scheme == "s3" || u.Scheme == "s3a" || u.Scheme == "s3n")
}

// Discover looks at the host: HBase's configuration, logs and commands, and what EMR wrote down about the cluster.
// What cannot be found stays empty.
func Discover(c Config) *Host {
	c.defaults()
	h := &Host{As: c.As}
	h.Hbase, _ = exec.LookPath("hbase")
	h.HDFS, _ = exec.LookPath("hdfs")
	h.configuration(c)
	h.logs(c)
	h.emr(c)
	for _, pattern := range []string{"/usr/lib/hbase-operator-tools/hbase-hbck2*.jar", "/usr/lib/hbase-operator-tools/*/hbase-hbck2*.jar", "/usr/lib/hbase/lib/hbase-hbck2*.jar", "/opt/hbase*/lib/hbase-hbck2*.jar"} {
		if found, _ := filepath.Glob(c.Root + pattern); len(found) > 0 && h.Hbck2 == "" {
			h.Hbck2 = strings.TrimPrefix(found[0], c.Root)
		}
	}
	if h.As == nil {
		h.As = asHBase()
	}
	return h
}

// asHBase returns what must stand before a command so that it runs as HBase's user: nothing where this is that user, or
// where there is no such user or no sudo.
func asHBase() []string {
	me, err := user.Current()
	if err != nil || me.Username == "hbase" {
		return nil
	}
	if _, err := user.Lookup("hbase"); err != nil {
		return nil
	}
	sudo, err := exec.LookPath("sudo")
	if err != nil {
		return nil
	}
	return []string{sudo, "-n", "-u", "hbase"}
}

func (h *Host) configuration(c Config) {
	dirs := []string{c.ConfDir, c.Env("HBASE_CONF_DIR"), c.Root + "/etc/hbase/conf"}
	if home := c.Env("HBASE_HOME"); home != "" {
		dirs = append(dirs, filepath.Join(home, "conf"))
	}
	if target, err := filepath.EvalSymlinks(h.Hbase); err == nil && h.Hbase != "" {
		dirs = append(dirs, filepath.Join(filepath.Dir(filepath.Dir(target)), "conf"), filepath.Join(filepath.Dir(filepath.Dir(h.Hbase)), "conf"))
	}
	for _, d := range dirs {
		if d == "" {
			continue
		}
		site, err := readSite(filepath.Join(d, "hbase-site.xml"))
		if err != nil || site["hbase.rootdir"] == "" {
			continue
		}
		h.ConfDir, h.site, h.RootDir = d, site, strings.TrimRight(site["hbase.rootdir"], "/")
		if wal := strings.TrimRight(site["hbase.wal.dir"], "/"); wal != h.RootDir {
			h.WALDir = wal
		}
		return
	}
}

func (h *Host) logs(c Config) {
	dirs := append([]string{}, c.LogDirs...)
	if len(dirs) == 0 {
		dirs = []string{c.Env("HBASE_LOG_DIR"), c.Root + "/var/log/hbase", c.Root + "/mnt/var/log/hbase"}
		for _, home := range []string{c.Env("HBASE_HOME"), filepath.Dir(h.ConfDir)} {
			if home != "" && home != "." {
				dirs = append(dirs, filepath.Join(home, "logs"))
			}
		}
	}
	seen := map[string]bool{}
	for _, d := range dirs {
		if d == "" {
			continue
		}
		target, err := filepath.EvalSymlinks(d)
		if err != nil || seen[target] {
			continue
		}
		seen[target] = true
		if names, _ := filepath.Glob(filepath.Join(d, "hbase-*.log*")); len(names) > 0 {
			h.LogDirs = append(h.LogDirs, d)
		}
	}
}

// emr reads what EMR's instance controller and cloud-init write on each node. Their fields are read as text wherever they stand.
func (h *Host) emr(c Config) {
	h.JobFlow, h.LogURI = c.ClusterID, c.LogURI
	for _, f := range []string{"/mnt/var/lib/info/job-flow.json", "/emr/instance-controller/lib/info/job-flow.json", "/mnt/var/lib/info/extraInstanceData.json", "/emr/instance-controller/lib/info/extraInstanceData.json"} {
		raw, err := os.ReadFile(c.Root + f)
		if err != nil {
			continue
		}
		var facts map[string]any
		if json.Unmarshal(raw, &facts) != nil {
			continue
		}
		for name, into := range map[string]*string{"jobFlowId": &h.JobFlow, "logUri": &h.LogURI, "masterInstanceId": &h.Instance} {
			if v, ok := facts[name].(string); ok && *into == "" {
				*into = v
			}
		}
	}
	if raw, err := os.ReadFile(c.Root + "/var/lib/cloud/data/instance-id"); err == nil {
		if id := strings.TrimSpace(string(raw)); strings.HasPrefix(id, "i-") {
			h.Instance = id
		}
	}
	if rest, ok := strings.CutPrefix(h.LogURI, "s3n://"); ok { // the spelling of old consoles
		h.LogURI = "s3://" + rest
	}
}

// readSite reads a configuration file of Hadoop: names and values, the last one of a name in force.
func readSite(name string) (map[string]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.WithCode(err, fault.NotFound)
	}
	defer f.Close()
	var doc struct {
		Properties []struct {
			Name  string `xml:"name"`
			Value string `xml:"value"`
		} `xml:"property"`
	}
	if err := xml.NewDecoder(f).Decode(&doc); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	out := map[string]string{}
	for _, p := range doc.Properties {
		out[strings.TrimSpace(p.Name)] = strings.TrimSpace(p.Value)
	}
	return out, nil
}
