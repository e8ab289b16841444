package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// zstdWindow bounds the memory a zstd frame may ask for: the window of `zstd --long=27`.
const zstdWindow = 128 << 20

// opened is the text inside a file.
type opened struct {
	r        io.Reader
	head     []byte // the first bytes of r, which r still delivers
	encoding string
	damage   *damage // nil for plain files
	close    func()
}

// open reads the head and takes off compression and UTF-16.
func open(r io.Reader) (opened, error) {
	raw := &faults{r: r}
	o := opened{close: func() {}}
	head, err := headOf(raw)
	if err != nil {
		return o, err
	}
	o.r, o.head = io.MultiReader(bytes.NewReader(head), raw), head
	if err := o.decompress(raw); err != nil {
		return o, err
	}
	if order := utf16Order(o.head); order != 0 {
		o.encoding = "utf-16"
		o.r = &utf16Reader{r: o.r, big: order > 0}
		if o.head, err = headOf(o.r); err != nil {
			return o, err
		}
		o.r = io.MultiReader(bytes.NewReader(o.head), o.r)
	}
	return o, nil
}

func (o *opened) decompress(raw *faults) error {
	var inner io.Reader
	switch {
	case isGzip(o.head):
		o.encoding = "gzip"
		z, err := gzip.NewReader(o.r)
		if err != nil {
			return o.broken(raw, err)
		}
		inner, o.close = z, func() { _ = z.Close() }
	case isZstd(o.head):
		o.encoding = "zstd"
		z, err := zstd.NewReader(o.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return o.broken(raw, err)
		}
		inner, o.close = z, z.Close
	default:
		return nil
	}
	o.damage = &damage{r: inner, raw: raw}
	head, err := headOf(o.damage)
	o.head, o.r = head, io.MultiReader(bytes.NewReader(head), o.damage)
	return err
}

// broken makes an empty text of compressed data whose very head is damaged.
func (o *opened) broken(raw *faults, err error) error {
	if raw.err != nil {
		return raw.err
	}
	o.damage = &damage{err: err}
	o.head, o.r = nil, bytes.NewReader(nil)
	return nil
}

func isGzip(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

func isZstd(b []byte) bool { return len(b) > 3 && bytes.Equal(b[:4], []byte{0x28, 0xb5, 0x2f, 0xfd}) }

// headOf reads SniffBytes or what there is.
func headOf(r io.Reader) ([]byte, error) {
	head := make([]byte, SniffBytes)
	n, err := io.ReadFull(r, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// faults remembers an error of the file itself, so that it is not taken for damaged compression.
type faults struct {
	r   io.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// damage ends compressed data where it is broken, and remembers why.
type damage struct {
	r   io.Reader
	raw *faults
	err error
}

func (d *damage) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	switch {
	case err == nil || err == io.EOF: // a truncated stream gives another error
		return n, err
	case d.raw.err != nil:
		return n, d.raw.err
	}
	d.err = err
	return n, io.EOF
}

// describe words the damage for the report.
func (d *damage) describe(encoding string) string {
	switch {
	case errors.Is(d.err, io.ErrUnexpectedEOF):
		return encoding + " data end too early: the file is truncated"
	case errors.Is(d.err, gzip.ErrChecksum):
		return encoding + " checksum does not match: the file is damaged"
	}
	return fmt.Sprintf("%s data are damaged: %v", encoding, d.err)
}

// utf16Order tells UTF-16 by its byte order mark: -1 little endian, 1 big endian, 0 none.
func utf16Order(b []byte) int {
	switch {
	case len(b) >= 2 && b[0] == 0xff && b[1] == 0xfe:
		return -1
	case len(b) >= 2 && b[0] == 0xfe && b[1] == 0xff:
		return 1
	}
	return 0
}

// utf16Reader turns UTF-16 into UTF-8 and drops the byte order mark.
type utf16Reader struct {
	r    io.Reader
	big  bool
	in   [8 << 10]byte
	left int // bytes at the head of in not decoded yet
	out  []byte
	high rune // a surrogate waiting for its other half
	err  error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		n, err := u.r.Read(u.in[u.left:])
		u.err = err
		u.decode(u.left + n)
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

func (u *utf16Reader) decode(n int) {
	out := make([]byte, 0, 2*n)
	i := 0
	for ; i+1 < n; i += 2 {
		c := rune(u.in[i]) | rune(u.in[i+1])<<8
		if u.big {
			c = rune(u.in[i])<<8 | rune(u.in[i+1])
		}
		switch {
		case u.high != 0:
			out = utf8.AppendRune(out, utf16.DecodeRune(u.high, c))
			u.high = 0
		case utf16.IsSurrogate(c):
			u.high = c
		case c != 0xfeff:
			out = utf8.AppendRune(out, c)
		}
	}
	u.left = copy(u.in[:], u.in[i:n])
	u.out = out
}
