package record

import (
	"path"
	"strings"
)

// fileName is what a log file's name says about where it comes from.
type fileName struct {
	service   string
	pod       string
	namespace string
	boxed     [3]any // the three above, as values
}

// parseName reads checkout.log.gz (the service is checkout), and Kubernetes' POD_NAMESPACE_CONTAINER-ID.log and
// /var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log.
func parseName(name string) fileName {
	f := splitName(name)
	f.boxed = [3]any{f.service, f.pod, f.namespace}
	return f
}

func splitName(name string) fileName {
	name = strings.ReplaceAll(name, `\`, "/")
	base := stem(path.Base(name))
	if parts := strings.Split(base, "_"); len(parts) == 3 {
		if i := strings.LastIndexByte(parts[2], '-'); i > 0 && len(parts[2])-i-1 == 64 && isHex([]byte(parts[2][i+1:])) {
			return fileName{service: parts[2][:i], pod: parts[0], namespace: parts[1]}
		}
	}
	dir := path.Dir(name)
	if parts := strings.Split(path.Base(path.Dir(dir)), "_"); len(parts) == 3 && allDigits([]byte(base)) {
		return fileName{service: path.Base(dir), pod: parts[1], namespace: parts[0]}
	}
	switch strings.ToLower(base) {
	case "", ".", "/", "-", "access", "error", "syslog", "messages", "stdout", "stderr", "output", "out", "log", "logs", "stdin",
		"other_vhosts_access", "access_log", "error_log", "auth", "kern", "daemon", "journal":
		return fileName{}
	}
	if allDigits([]byte(base)) {
		return fileName{}
	}
	return fileName{service: base}
}

// stem takes off what log rotation and compression append: .gz, .log, .1, -20260527, .2026-05-27.
func stem(base string) string {
	for {
		cut := base
		switch ext := path.Ext(base); strings.ToLower(ext) {
		case ".gz", ".zst", ".log", ".txt", ".out", ".err", ".json", ".jsonl", ".ndjson", ".current", ".old":
			cut = strings.TrimSuffix(base, ext)
		default:
			if len(ext) > 1 && strings.Trim(ext[1:], "0123456789-_T") == "" && len(ext) < len(base) {
				cut = strings.TrimSuffix(base, ext)
			}
		}
		if i := strings.LastIndexByte(cut, '-'); i > 0 && len(cut)-i-1 == 8 && allDigits([]byte(cut[i+1:])) {
			cut = cut[:i]
		}
		if cut == base || cut == "" {
			return base
		}
		base = cut
	}
}

// fill gives a record the service its line does not name.
func (f *fileName) fill(b *builder, w *wellKnown) {
	if !b.has(w.service) && !b.has(w.resService) && f.service != "" {
		b.set(w.service, f.boxed[0])
	}
	w.setService(b)
	if f.pod != "" && !b.has(w.pod) {
		b.set(w.pod, f.boxed[1])
		b.setIfAbsent(w.namespace, f.boxed[2])
	}
}
