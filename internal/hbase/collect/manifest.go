package collect

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files of a bundle.
const (
	fileHbck      = "diagnostics/hbck_report.txt"
	fileMeta      = "diagnostics/hbase_meta.txt"
	filePaths     = "diagnostics/hbase_rootdir_paths.txt"
	fileWALs      = "diagnostics/hbase_wal_paths.txt"
	fileProcesses = "diagnostics/hbase_processes.txt"
	fileSummary   = "diagnostics/log_copy_summary.txt"
	fileManifest  = "diagnostics/manifest.json"
	filePage      = "diagnostics/hbck_page.html"
)

// Manifest says what a bundle holds.
type Manifest struct {
	JobFlowID     string    `json:"job_flow_id"`
	StartedAt     time.Time `json:"started_at"`   // UTC
	CollectedAt   time.Time `json:"collected_at"` // UTC, the end
	LookbackHours float64   `json:"lookback_hours"`
	HBaseVersion  string    `json:"hbase_version"`
	RootDir       string    `json:"hbase_root_dir"`
	Hbck2Jar      string    `json:"hbck2_jar,omitempty"`
	TimeZone      string    `json:"time_zone"` // of the times in logs and scans: they carry none
	Collector     string    `json:"collector"`
	Complete      bool      `json:"complete"` // every command and log was got whole
	Nodes         []Node    `json:"nodes"`
	Commands      []Command `json:"commands"`
	Logs          []Log     `json:"logs"`
	Files         []File    `json:"files"`
}

// Node is a machine whose logs are in the bundle.
type Node struct {
	InstanceID string `json:"instance_id"`
	Host       string `json:"host"`
	Role       string `json:"role"` // master, regionserver, …
	Log        string `json:"log"`  // the newest one
}

// Log is the record of one log file.
type Log struct {
	Status   string `json:"status"` // copied, partial, skipped, failed
	Instance string `json:"instance"`
	Host     string `json:"host"`
	Role     string `json:"role"`
	Source   string `json:"source"`
	File     string `json:"file,omitempty"`
	Lines    int64  `json:"lines,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"` // compressed
	Reason   string `json:"reason,omitempty"`
	modified time.Time
}

// File is a file of the bundle.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

func (r *run) writeSummary(m *Manifest) error {
	f, err := r.create(fileSummary)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for _, l := range m.Logs {
		fmt.Fprintf(w, "%s %s %s %s", strings.ToUpper(l.Status), l.Instance, l.Host, l.Source)
		if l.File != "" {
			fmt.Fprintf(w, " -> %s lines=%d bytes=%d", l.File, l.Lines, l.Bytes)
		}
		if l.Reason != "" {
			fmt.Fprintf(w, " reason=%q", l.Reason)
		}
		fmt.Fprintln(w)
	}
	for _, c := range m.Commands {
		fmt.Fprintf(w, "COMMAND %s exit=%d seconds=%.1f bytes=%d complete=%t -> %s", c.Name, c.ExitCode, c.Seconds, c.Bytes, c.Complete, c.File)
		if c.Problem != "" {
			fmt.Fprintf(w, " problem=%q", c.Problem)
		}
		fmt.Fprintln(w)
	}
	err = w.Flush()
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

func (r *run) writeManifest(m *Manifest) error {
	var err error
	if m.Files, err = listFiles(r.c.Out); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	f, err := r.create(fileManifest)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

// listFiles lists a bundle's files but its manifest, by name, with their checksums.
func listFiles(dir string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil || filepath.ToSlash(rel) == fileManifest {
			return err
		}
		f, err := fileOf(p)
		f.Path = filepath.ToSlash(rel)
		out = append(out, f)
		return err
	})
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}

// fileOf reads the size and checksum of a file.
func fileOf(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return File{Bytes: n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}
