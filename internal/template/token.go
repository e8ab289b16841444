package template

// Kind says what a token is.
type Kind uint8

// The kinds of tokens. Everything from Num on is a mask: a value recognised by its form.
const (
	Word  Kind = iota // text, kept
	Punct             // punctuation, kept
	Num               // 12  -3.5  1e9  97%
	Hex               // 0x7ffe  deadbeef01
	ID                // blk_38865  node-17  eth0: letters and digits mixed
	UUID              // 8-4-4-4-12 hexadecimal digits
	IP                // IPv4 or IPv6 with an optional port or prefix length
	Host              // dotted lower-case names, host:port
	Email             // name@host
	URL               // scheme://...
	Path              // /var/log/x  C:\Windows
	Time              // dates, times of day, both, in the usual writings
	Dur               // 12ms  3 seconds  1h5m
	Size              // 4 KB  1029 bytes (1.00 KB)
	Bool              // true, false, null, none, N/A
	Str               // "quoted text"
	Any               // a value of no certain type: of key=value, a list, arguments
)

// maskText is how masks are written in a template.
var maskText = [...]string{
	Num: "<NUM>", Hex: "<HEX>", ID: "<ID>", UUID: "<UUID>", IP: "<IP>", Host: "<HOST>", Email: "<EMAIL>", URL: "<URL>", Path: "<PATH>",
	Time: "<TIME>", Dur: "<DUR>", Size: "<SIZE>", Bool: "<BOOL>", Str: "<STR>", Any: "<*>",
}

// IsMask reports whether tokens of this kind are values.
func (k Kind) IsMask() bool { return k >= Num }

// String returns the mask as templates show it, "" for words and punctuation.
func (k Kind) String() string {
	if int(k) < len(maskText) {
		return maskText[k]
	}
	return ""
}

// token is a piece of a line: line[start:end].
type token struct {
	start, end uint32
	hash       uint64 // of the text, for words and punctuation
	kind       Kind
	space      bool // white space stands before it
	key        bool // word directly before '='
}

// Character classes of a byte.
const (
	cDigit uint8 = 1 << iota
	cHex         // a-f A-F
	cAlpha       // other letters and all bytes of non-ASCII text
	cDot
	cColon
	cSlash
	cJoin  // - and _
	cOther // other characters that may stand inside a token: @ \ # % $ ~ * & + ! ?
)

const cLetter = cHex | cAlpha

// classes maps each byte; 0 is white space or a punctuation mark that ends a token.
var classes = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := range t {
		switch b := byte(c); {
		case b >= '0' && b <= '9':
			t[c] = cDigit
		case (b >= 'a' && b <= 'f') || (b >= 'A' && b <= 'F'):
			t[c] = cHex
		case (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b >= 0x80:
			t[c] = cAlpha
		}
	}
	for _, b := range []byte(`@\#%$~*&+!?`) {
		t[b] = cOther
	}
	t['.'], t[':'], t['/'], t['-'], t['_'] = cDot, cColon, cSlash, cJoin, cJoin
	return t
}
