package opensearch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/plumbline-mcp/plumbline/internal/fault"
)

// firstBuffer bounds the memory taken on the word of a Content-Length alone.
const firstBuffer = 4 << 20

// errBroken marks an answer that ended before its end.
var errBroken = errors.New("the answer broke off")

// readBody reads at most limit bytes, unpacked. An answer that is longer or breaks off is an error, never a shorter answer.
func readBody(res *http.Response, limit int64) ([]byte, error) {
	var r io.Reader = res.Body
	if strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(res.Body)
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil // an empty body has no gzip header either
		case err != nil:
			return nil, &transportError{cause: fmt.Errorf("%w: no gzip: %w", errBroken, err)}
		}
		defer z.Close()
		r = z
	} else if res.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	var buf bytes.Buffer
	if n := res.ContentLength; n > 0 {
		buf.Grow(int(min(n, limit, firstBuffer)) + bytes.MinRead)
	}
	n, err := io.Copy(&buf, io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, &transportError{cause: fmt.Errorf("%w after %d bytes: %w", errBroken, n, err)}
	case n > limit:
		return nil, tooLarge(limit)
	}
	return buf.Bytes(), nil
}

func tooLarge(limit int64) error {
	return fault.WithHint(fault.New(fault.TooLarge, "the answer is over %d bytes", limit), "Ask for fewer rows or fields, or a shorter time.")
}

// wrongType refuses a page for people where JSON is due: a login page or a proxy's notice has status 200 too.
func wrongType(res *http.Response, r Request, body []byte) error {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	if kind == "text/html" || kind == "application/xhtml+xml" || looksLikeHTML(body) {
		return &notOpenSearchError{Status: res.StatusCode, Title: title(body)}
	}
	if (r.Accept == "" || r.Accept == "application/json") && len(body) > 0 && r.Method != http.MethodHead {
		if b := bytes.TrimLeft(body, " \t\r\n"); len(b) == 0 || b[0] != '{' && b[0] != '[' {
			return &notOpenSearchError{Status: res.StatusCode, Kind: kind}
		}
	}
	return nil
}

func looksLikeHTML(body []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(body[:min(len(body), 256)], " \t\r\n\ufeff"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// maxTitle bounds what is quoted from a page.
const maxTitle = 120

// title returns the title of an HTML page on one line, else "".
func title(body []byte) string {
	low := bytes.ToLower(body)
	from := bytes.Index(low, []byte("<title"))
	if from < 0 || len(low) != len(body) {
		return ""
	}
	open := bytes.IndexByte(low[from:], '>')
	end := bytes.Index(low[from:], []byte("</title"))
	if open < 0 || end < open {
		return ""
	}
	return oneLine(string(body[from+open+1:from+end]), maxTitle)
}

// oneLine squeezes blanks and control characters, and cuts at n bytes.
func oneLine(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(text) > n {
		return strings.ToValidUTF8(text[:n], "") + "…"
	}
	return strings.ToValidUTF8(text, "")
}
