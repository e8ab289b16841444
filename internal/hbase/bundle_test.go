package hbase_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/hbase"
)

const scan = "hbase:001:0> scan 'hbase:meta'\nROW  COLUMN+CELL\n t column=table:state, timestamp=1, value=\\x08\\x00\n1 row(s)\n"

func small() map[string]string {
	return map[string]string{
		"b/diagnostics/hbase_meta.txt":          scan,
		"b/diagnostics/hbase_rootdir_paths.txt": "drwxr-xr-x   - hbase g          0 2026-11-22 23:19 /hbase/data/default/t\n",
		"b/logs/hbase-hbase-master-h.log":       "2026-11-22T23:35:05,240 WARN  [main] master.HMaster: hello\n",
	}
}

func writeTar(t *testing.T, files map[string]string, edit func(*tar.Header)) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644}
		if edit != nil {
			edit(h)
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return put(t, "bundle.tar.gz", b.Bytes())
}

func writeZip(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return put(t, "bundle.zip", b.Bytes())
}

func put(t *testing.T, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, name string, opt hbase.OpenOptions) (*hbase.Snapshot, error) {
	t.Helper()
	b, err := hbase.Open(t.Context(), name, opt)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = b.Close() })
	return hbase.Read(t.Context(), b, hbase.ReadOptions{})
}

// store is S3 in a map.
type store map[string]string

func (s store) List(_ context.Context, bucket, prefix string, each func(string, int64) error) error {
	var keys []string
	for k := range s {
		if strings.HasPrefix(k, bucket+"/"+prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if err := each(strings.TrimPrefix(k, bucket+"/"), int64(len(s[k]))); err != nil {
			return err
		}
	}
	return nil
}

func (s store) Get(_ context.Context, bucket, key string, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(s[bucket+"/"+key][offset:])), nil
}

func TestABundleIsTheSameFromEveryPlace(t *testing.T) {
	dir := t.TempDir()
	objects := store{"bucket/logs/j-1_$folder$": ""}
	for name, text := range small() {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		objects["bucket/logs/j-1/"+name] = text
	}
	for _, name := range []string{dir, writeTar(t, small(), nil), writeZip(t, small()), "s3://bucket/logs/j-1"} {
		s, err := read(t, name, hbase.OpenOptions{S3: objects, Temp: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if !s.Whole(hbase.ArtefactPaths) || s.Meta.Tables["t"] == nil || s.Listing.TableDirs["t"] == nil || s.Artefact(hbase.ArtefactLogs).Lines != 1 {
			t.Errorf("%s: %+v", name, s.Artefacts)
		}
		texts, err := s.Quote(t.Context(), []hbase.Place{{File: s.Meta.File, At: s.Meta.Tables["t"].At}})
		if err != nil || len(texts) != 1 || !strings.Contains(texts[0], "table:state") {
			t.Errorf("%s: quoted %q, %v", name, texts, err)
		}
	}
}

func TestHostileBundlesAreRefusedOrBounded(t *testing.T) {
	t.Run("a name that leaves the archive", func(t *testing.T) {
		for _, name := range []string{"../evil", "/etc/passwd", "a/../../evil", `..\evil`} {
			for _, archive := range []string{writeTar(t, map[string]string{name: "x"}, nil), writeZip(t, map[string]string{name: "x"})} {
				if _, err := read(t, archive, hbase.OpenOptions{Temp: t.TempDir()}); fault.CodeOf(err) != fault.InvalidArgument {
					t.Errorf("%q in %s: %v", name, filepath.Base(archive), err)
				}
			}
		}
	})
	t.Run("a link is left out", func(t *testing.T) {
		files := small()
		files["b/diagnostics/hbck_report.txt"] = ""
		name := writeTar(t, files, func(h *tar.Header) {
			if strings.HasSuffix(h.Name, "hbck_report.txt") {
				h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "/etc/passwd", 0
			}
		})
		s, err := read(t, name, hbase.OpenOptions{Temp: t.TempDir()})
		if err != nil || s.Usable(hbase.ArtefactHbck) {
			t.Errorf("%v", err)
		}
		dir := t.TempDir()
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "hbase_meta.txt")); err != nil {
			t.Skip("needs symbolic links: " + err.Error())
		}
		if _, err := read(t, dir, hbase.OpenOptions{}); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("a directory with nothing but a link: %v", err)
		}
	})
	t.Run("a bomb", func(t *testing.T) {
		zeros := strings.Repeat("\x00", 300<<20)
		if _, err := read(t, writeZip(t, map[string]string{"hbase_meta.txt": zeros}), hbase.OpenOptions{}); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("zip: %v", err)
		}
		if _, err := read(t, writeTar(t, map[string]string{"hbase_meta.txt": zeros}, nil), hbase.OpenOptions{Temp: t.TempDir()}); fault.CodeOf(err) != fault.TooLarge {
			t.Errorf("tar: %v", err)
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, zeros); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		s, err := read(t, filepath.Dir(put(t, "hbase-hbase-master-h.log.gz", b.Bytes())), hbase.OpenOptions{})
		if err != nil || s.Whole(hbase.ArtefactLogs) {
			t.Errorf("log: %v", err)
		}
	})
	t.Run("a line without end", func(t *testing.T) {
		text := strings.TrimSuffix(scan, "1 row(s)\n") + " " + strings.Repeat("x", 40<<20) + "\n1 row(s)\n"
		s, err := read(t, filepath.Dir(put(t, "hbase_meta.txt", []byte(text))), hbase.OpenOptions{})
		if err != nil || s.Meta.Tables["t"] == nil {
			t.Errorf("%v", err)
		}
	})
	t.Run("several bundles at once", func(t *testing.T) {
		files := map[string]string{"a/hbase_meta.txt": scan, "b/hbase_meta.txt": scan}
		if _, err := read(t, writeZip(t, files), hbase.OpenOptions{}); fault.CodeOf(err) != fault.InvalidArgument || !strings.Contains(fault.HintOf(err), "a, b") {
			t.Errorf("%v: %s", err, fault.HintOf(err))
		}
	})
	t.Run("no bundle", func(t *testing.T) {
		for _, name := range []string{"", filepath.Join(t.TempDir(), "none"), put(t, "x.txt", []byte("x")), "s3://bucket/x"} {
			if _, err := read(t, name, hbase.OpenOptions{S3: store{}}); err == nil || fault.HintOf(err) == "" {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

func FuzzReadNeverFails(f *testing.F) {
	f.Add([]byte(scan), []byte("drwxr-xr-x   - hbase g          0 2026-11-22 23:19 /hbase/data/default/t\n"), []byte("ERROR: Region { meta => null, hdfs => null, deployed => a;b, replicaId => 0 } x"), []byte("2026-11-22T23:35:05,240 WARN  [main] janitor.CatalogJanitor: hole=a/b, overlap=, empty=x"))
	f.Add([]byte("ROW                  COLUMN+CELL\n a column=info:regioninfo, timestamp=1, value={ENC\n b OD\n"), []byte("2026-11-22 23:34:00          0 hbase/.hbck_$folder$\n"), []byte("RegionServer: x\n  y"), []byte("<html>HBCK<h2>Holes</h2><tr><td>a</td></tr>"))
	f.Fuzz(func(t *testing.T, meta, paths, hbck, log []byte) {
		dir := t.TempDir()
		for name, data := range map[string][]byte{"hbase_meta.txt": meta, "hbase_rootdir_paths.txt": paths, "hbck_report.txt": hbck, "hbase-x-master-h.log": log, "hbck_page.html": log, "hbck.json": hbck, "manifest.json": log, "hbase_processes.txt": paths} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s, err := read(t, dir, hbase.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range s.Meta.Regions {
			if back := hbase.ParseBinary([]byte(hbase.FormatBinary(r.Start))); !bytes.Equal(back, r.Start) {
				t.Errorf("key %q comes back as %q", r.Start, back)
			}
		}
	})
}
