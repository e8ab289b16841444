package otlp

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// run is the one goroutine that writes. It joins what waits into one write, so that many small exports cost as few as one large.
func (s *Store) run() {
	defer close(s.done)
	syncs, prunes := time.NewTicker(syncEvery), time.NewTicker(pruneEvery)
	defer syncs.Stop()
	defer prunes.Stop()
	s.prune()
	s.flushNotices()
	for {
		select {
		case w, ok := <-s.queue:
			if !ok {
				s.err = s.end()
				return
			}
			s.batch(w)
		case <-syncs.C:
			s.sync()
		case <-prunes.C:
			s.prune()
			s.flushNotices()
		}
	}
}

// batch writes one export and those that wait behind it.
func (s *Store) batch(first write) {
	group := []write{first}
	size := len(first.data)
	for size < maxWrite {
		select {
		case w, ok := <-s.queue:
			if ok {
				group = append(group, w)
				size += len(w.data)
				continue
			}
		default:
		}
		break
	}
	data := first.data
	if len(group) > 1 {
		data = make([]byte, 0, size)
		for _, w := range group {
			data = append(data, w.data...)
		}
	}
	err := s.write(data)
	for _, w := range group {
		s.queued.Add(-int64(len(w.data)))
		w.ack <- err
	}
	if err == nil {
		s.stats.exports.Add(int64(len(group)))
		s.flushNotices()
	}
}

// write appends whole lines to the newest segment. What could be written only in part is taken back.
func (s *Store) write(data []byte) error {
	if s.file != nil && s.size > 0 && s.size+int64(len(data)) > s.cfg.SegmentBytes {
		if err := s.finish(); err != nil {
			return err
		}
		s.prune()
	}
	if s.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	n, err := s.file.Write(data)
	if err != nil {
		if n > 0 {
			err = errors.Join(err, s.file.Truncate(s.size))
		}
		return fmt.Errorf("write segment %s: %w", s.name, err)
	}
	s.size += int64(n)
	s.dirty = true
	s.stats.bytes.Add(int64(n))
	return nil
}

// begin opens the next segment.
func (s *Store) begin() error {
	s.seq++
	s.name = prefix + s.cfg.Now().UTC().Format("20060102T150405Z") + fmt.Sprintf("-%06d", s.seq) + suffix
	f, err := os.OpenFile(filepath.Join(s.cfg.Dir, s.name), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	s.file, s.size = f, 0
	s.state.Seq = s.seq
	return s.saveState()
}

// finish closes the newest segment.
func (s *Store) finish() error {
	s.sync()
	err := s.file.Close()
	s.file = nil
	if err != nil {
		return fmt.Errorf("end segment %s: %w", s.name, err)
	}
	return nil
}

// sync forces the newest segment to the disk.
func (s *Store) sync() {
	if !s.dirty || s.file == nil {
		return
	}
	if err := s.file.Sync(); err != nil {
		s.log.Error("segment not forced to disk", slog.String("segment", s.name), slog.String("error", err.Error()))
		return
	}
	s.dirty = false
}

// end closes the store.
func (s *Store) end() error {
	var err error
	if s.file != nil {
		err = s.finish()
	}
	s.state.Clean = true
	return errors.Join(err, s.saveState(), s.lock.Close())
}

// prune removes the oldest segments beyond the size or the age set, never the one being written.
func (s *Store) prune() {
	list, err := s.segments()
	if err != nil {
		s.log.Error("listen store not pruned", slog.String("error", err.Error()))
		return
	}
	var total int64
	for _, seg := range list {
		total += seg.size
	}
	for _, seg := range list {
		old := s.cfg.Now().Sub(seg.mtime) > s.cfg.MaxAge
		if total <= s.cfg.MaxBytes && !old || s.file != nil && seg.name == s.name {
			continue
		}
		if err := os.Remove(filepath.Join(s.cfg.Dir, seg.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.log.Error("segment not dropped", slog.String("segment", seg.name), slog.String("error", err.Error()))
			continue
		}
		total -= seg.size
		s.stats.dropped.Add(1)
		why := fmt.Sprintf("the store is over %d bytes", s.cfg.MaxBytes)
		if old {
			why = "it is older than " + s.cfg.MaxAge.String()
		}
		text := fmt.Sprintf("dropped the oldest segment %s (%d bytes, last written %s): %s", seg.name, seg.size, seg.mtime.UTC().Format(time.RFC3339), why)
		s.log.Warn("segment dropped", slog.String("what", text))
		s.pending = append(s.pending, s.notice("WARN", "plumbline.listen.dropped", text)...)
	}
}

// flushNotices writes what the store has to say of itself into the store.
func (s *Store) flushNotices() {
	if len(s.pending) == 0 {
		return
	}
	data := s.pending
	s.pending = nil
	if err := s.write(data); err != nil {
		s.log.Error("notice not written", slog.String("error", err.Error()))
	}
}

// notice is a log record of the store itself as a line.
func (s *Store) notice(severity, event, text string) []byte {
	now := strconv.FormatInt(s.cfg.Now().UnixNano(), 10)
	b := []byte(`{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"plumbline-listen"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"` +
		now + `","severityNumber":13,"severityText":"` + severity + `","eventName":"` + event + `","body":{"stringValue":`)
	b = appendString(b, text)
	return append(b, "}}]}]}]}\n"...)
}
