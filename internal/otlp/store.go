package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// Config configures a Store. Only Dir and Now are required.
type Config struct {
	Dir          string
	MaxBytes     int64         // of all segments; 0 means DefaultMaxBytes
	MaxAge       time.Duration // of a segment's last write; 0 means DefaultMaxAge
	SegmentBytes int64         // from which a new segment is begun; 0 means defaultSegment
	MaxQueued    int64         // bytes waiting to be written, beyond which senders are told to wait; 0 means defaultQueued
	PID          int           // of the process, for the next start's message
	Now          func() time.Time
	Logger       *slog.Logger // nil discards
}

// The defaults and limits of a Store.
const (
	DefaultMaxBytes = 1 << 30            // some two million spans
	DefaultMaxAge   = 7 * 24 * time.Hour // a local loop looks at today
	defaultSegment  = 16 << 20           // dropped as a whole: small against MaxBytes, large against an open file's cost
	defaultQueued   = 32 << 20           // a second of the fastest senders
	maxWrite        = 4 << 20            // bytes joined into one write
	syncEvery       = time.Second        // what the end of the machine may lose
	pruneEvery      = time.Minute        // how often age is looked at
	marker          = ".plumbline-listen"
	prefix          = "otlp-"
	suffix          = ".jsonl"
)

// ErrBusy says that more waits to be written than may; the sender should try again in a second.
var ErrBusy = errors.New("busy: too much is waiting to be written")

// Store is a directory of segments that is being written. It is safe for concurrent use.
type Store struct {
	cfg    Config
	log    *slog.Logger
	lock   *os.File
	queue  chan write
	queued atomic.Int64
	done   chan struct{}
	quit   sync.Once
	closed atomic.Bool
	ending sync.RWMutex // held for reading while something is put into the queue
	err    error        // of the writer's end

	stats struct {
		spans, logs, points, exports, bytes, refused, rejected, segments, dropped atomic.Int64
	}

	// of the writer alone
	file    *os.File
	name    string
	size    int64
	dirty   bool
	seq     int
	state   state
	pending []byte
}

type write struct {
	data []byte
	ack  chan error
}

// state is what the next start must know; it lies in the marker file.
type state struct {
	Version int       `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Clean   bool      `json:"clean"` // closed by itself
	Seq     int       `json:"seq"`   // number of the newest segment
}

// IsStore reports whether a directory is, or was, written by a Store.
func IsStore(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, marker))
	return err == nil && info.Mode().IsRegular()
}

// Open opens or makes a store and mends what a sudden end left. Errors: fault.Conflict when another process writes it.
func Open(cfg Config) (*Store, error) {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.MaxAge == 0 {
		cfg.MaxAge = DefaultMaxAge
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = min(defaultSegment, max(cfg.MaxBytes/8, 1))
	}
	if cfg.MaxQueued == 0 {
		cfg.MaxQueued = defaultQueued
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{cfg: cfg, log: cfg.Logger, queue: make(chan write, 1024), done: make(chan struct{})}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fault.WithHint(fault.WithCode(fmt.Errorf("open the listen store: %w", err), fault.InvalidArgument), "Give a directory that may be written.")
	}
	lock, err := takeLock(filepath.Join(cfg.Dir, marker+".lock"))
	if err != nil {
		return nil, fault.WithHint(fault.New(fault.Unavailable, "open the listen store %s: %w", cfg.Dir, err), "Another process listens into this directory; end it or give another one.")
	}
	s.lock = lock
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	go s.run()
	return s, nil
}

// recover reads what the last run left, cuts off a torn line, and begins a state of its own.
func (s *Store) recover() error {
	path := filepath.Join(s.cfg.Dir, marker)
	raw, err := os.ReadFile(path)
	var last state
	switch {
	case err == nil:
		if json.Unmarshal(raw, &last) != nil {
			last = state{} // the marker itself was cut off; the segments say the rest
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open the listen store: %w", err)
	}
	list, lerr := s.segments()
	if lerr != nil {
		return lerr
	}
	s.seq = last.Seq
	for _, seg := range list {
		s.seq = max(s.seq, seg.seq)
	}
	torn := int64(0)
	if len(list) > 0 {
		if torn, err = mend(filepath.Join(s.cfg.Dir, list[len(list)-1].name)); err != nil {
			return err
		}
	}
	s.state = state{Version: 1, PID: s.cfg.PID, Started: s.cfg.Now().UTC(), Seq: s.seq}
	if err := s.saveState(); err != nil {
		return err
	}
	if raw != nil && !last.Clean {
		at := last.Started
		if len(list) > 0 {
			at = list[len(list)-1].mtime
		}
		text := fmt.Sprintf("the last run (pid %d, started %s) was ended without closing the store: its last write was at %s; what it acknowledged until then is kept, "+
			"at most one second before a power failure may be missing; %d bytes of an unfinished line were removed", last.PID, last.Started.Format(time.RFC3339), at.UTC().Format(time.RFC3339Nano), torn)
		s.log.Warn("listen store recovered", slog.String("what", text))
		s.pending = append(s.pending, s.notice("WARN", "plumbline.listen.recovered", text)...)
	}
	return nil
}

// saveState writes the marker beside and renames it.
func (s *Store) saveState() error {
	raw, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("write the listen store: %w", err)
	}
	path := filepath.Join(s.cfg.Dir, marker)
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return fmt.Errorf("write the listen store: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the listen store: %w", err)
	}
	return nil
}

// mend cuts off what follows the last newline and says how many bytes that was.
func mend(path string) (torn int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, fmt.Errorf("mend %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("mend %s: %w", path, err)
	}
	end := info.Size()
	buf := make([]byte, 64<<10)
	for end > 0 {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil {
			return 0, fmt.Errorf("mend %s: %w", path, err)
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if end == info.Size() {
		return 0, nil
	}
	return info.Size() - end, f.Truncate(end)
}

// segment is one file of the store.
type segment struct {
	name  string
	seq   int
	size  int64
	mtime time.Time
}

// segments lists the files in the order they were written.
func (s *Store) segments() ([]segment, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("look through the listen store: %w", err)
	}
	var out []segment
	for _, e := range entries {
		seg := segment{name: e.Name()}
		if !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		digits := strings.TrimSuffix(e.Name()[strings.LastIndexByte(e.Name(), '-')+1:], suffix)
		if _, err := fmt.Sscanf(digits, "%d", &seg.seq); err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // went away meanwhile
		}
		seg.size, seg.mtime = info.Size(), info.ModTime()
		out = append(out, seg)
	}
	slices.SortFunc(out, func(a, b segment) int { return a.seq - b.seq })
	return out, nil
}

// Append writes lines (each ended by a newline) and returns when the operating system has them. ErrBusy says to try again.
func (s *Store) Append(ctx context.Context, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	n := int64(len(lines))
	if s.queued.Add(n) > s.cfg.MaxQueued && s.queued.Load() != n { // one export alone may be larger than the queue
		s.queued.Add(-n)
		s.stats.refused.Add(1)
		return ErrBusy
	}
	w := write{lines, make(chan error, 1)}
	if err := s.put(w); err != nil {
		s.queued.Add(-n)
		return err
	}
	select {
	case err := <-w.ack:
		return err
	case <-ctx.Done(): // it is written all the same; the sender will send it again, and spans count once
		return ctx.Err()
	}
}

func (s *Store) put(w write) error {
	s.ending.RLock()
	defer s.ending.RUnlock()
	if s.closed.Load() {
		return fault.New(fault.Unavailable, "the listen store is closed")
	}
	select {
	case s.queue <- w:
		return nil
	default:
		s.stats.refused.Add(1)
		return ErrBusy
	}
}

// Close writes what waits and marks the store as closed by itself.
func (s *Store) Close() error {
	s.quit.Do(func() {
		s.ending.Lock()
		s.closed.Store(true)
		close(s.queue)
		s.ending.Unlock()
	})
	<-s.done
	return s.err
}

// Stats counts what a store received since it was opened.
type Stats struct {
	Spans    int64 `json:"spans"`
	Logs     int64 `json:"logs"`
	Points   int64 `json:"metric_points"`
	Exports  int64 `json:"exports"`
	Bytes    int64 `json:"bytes"`    // written
	Refused  int64 `json:"refused"`  // exports that were told to come again
	Rejected int64 `json:"rejected"` // records that no store can hold
	Dropped  int64 `json:"segments_dropped"`
}

// Stats returns the counts.
func (s *Store) Stats() Stats {
	c := &s.stats
	return Stats{c.spans.Load(), c.logs.Load(), c.points.Load(), c.exports.Load(), c.bytes.Load(), c.refused.Load(), c.rejected.Load(), c.dropped.Load()}
}

// Dir returns the directory.
func (s *Store) Dir() string { return s.cfg.Dir }
