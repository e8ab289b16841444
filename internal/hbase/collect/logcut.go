package collect

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// stampLayout is how HBase's logs write seconds; log4j 1 has a space for the T. Within one file it sorts as time does.
const stampLayout = "2006-01-02T15:04:05"

// cutLog copies a log from the first line at or after the moment on; lines without a time belong to the line before.
// Lines that hold secrets are left out. It returns the lines written.
func cutLog(w io.Writer, r io.Reader, since time.Time, loc *time.Location) (lines int64, err error) {
	from := []byte(since.In(loc).Format(stampLayout))
	in := bufio.NewReaderSize(r, 256<<10)
	open, keep, begin := false, true, true // open: the moment is reached; keep: of the present line; begin: of a line
	for {
		piece, err := in.ReadSlice('\n')
		if begin && len(piece) > 0 {
			if !open && stamped(piece) && !before(piece, from) {
				open = true
			}
			keep = open && !secretLine(piece)
		}
		if keep && len(piece) > 0 {
			if _, err := w.Write(maskLine(piece)); err != nil {
				return lines, fmt.Errorf("write the log: %w", err)
			}
			if begin {
				lines++
			}
		}
		begin = !errors.Is(err, bufio.ErrBufferFull)
		switch {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil && begin:
			return lines, fmt.Errorf("read the log: %w", err)
		}
	}
}

// stamped reports whether a line begins with a time.
func stamped(line []byte) bool {
	return len(line) > len(stampLayout) && line[4] == '-' && line[7] == '-' && (line[10] == 'T' || line[10] == ' ') && line[13] == ':' && line[16] == ':' &&
		line[0] >= '0' && line[0] <= '9'
}

// before compares the time of a stamped line with another.
func before(line, moment []byte) bool {
	if c := bytes.Compare(line[:10], moment[:10]); c != 0 {
		return c < 0
	}
	return bytes.Compare(line[11:19], moment[11:19]) < 0
}
