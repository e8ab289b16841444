package hbase

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the encoded name of a region is an MD5; nothing is protected by it
	"encoding/hex"
	"strconv"
)

// encodedLen is the length of an encoded region name, an MD5 in hex.
const encodedLen = 32

// IsEncoded reports whether a text is an encoded region name.
func IsEncoded(s string) bool {
	if s == MetaEncoded {
		return true
	}
	if len(s) != encodedLen {
		return false
	}
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isEncodedBytes(s []byte) bool {
	if len(s) != encodedLen {
		return false
	}
	for _, c := range s {
		if !isHex(c) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// ParseBinary reads the form of HBase's Bytes.toStringBinary: \xNN is a byte, everything else itself.
func ParseBinary(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		if len(s) == 0 {
			return nil
		}
		return bytes.Clone(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if b, err := strconv.ParseUint(string(s[i+2:i+4]), 16, 8); err == nil {
				out = append(out, byte(b))
				i += 3
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}

// FormatBinary writes a key as Bytes.toStringBinary does: printable ASCII but the backslash as itself, the rest as \xNN.
func FormatBinary(key []byte) string {
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(key))
	for _, c := range key {
		if c >= ' ' && c <= '~' && c != '\\' {
			out = append(out, c)
			continue
		}
		out = append(out, '\\', 'x', digits[c>>4], digits[c&15])
	}
	return string(out)
}

// Encode returns the encoded name that a region must have: the MD5 of "table,startkey,regionid", with "_%04X" after the id
// for a replica other than the primary.
func Encode(table string, start []byte, id string) string {
	buf := make([]byte, 0, len(table)+len(start)+len(id)+2)
	buf = append(append(append(append(append(buf, table...), ','), start...), ','), id...)
	sum := md5.Sum(buf) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// regionName parts "table,startkey,id.encoded." as printed. The table has no comma, the id none either.
type regionName struct {
	table, start, id, encoded []byte
}

// parseRegionName parts a full region name; ok is false for anything else. hbase:meta,,1.1588230740 is one too.
func parseRegionName(name []byte) (n regionName, ok bool) {
	first, last := bytes.IndexByte(name, ','), bytes.LastIndexByte(name, ',')
	if first <= 0 || last <= first {
		return n, false
	}
	n.table, n.start = name[:first], name[first+1:last]
	rest := name[last+1:]
	id, encoded, dotted := bytes.Cut(rest, []byte("."))
	n.id = id
	if !dotted {
		return n, string(n.table) == MetaTable
	}
	n.encoded = bytes.TrimSuffix(encoded, []byte("."))
	return n, len(n.id) > 0 && (isEncodedBytes(n.encoded) || string(n.encoded) == MetaEncoded)
}

// EncodedOf returns the encoded name in a full region name, or the text itself if it is an encoded name, else "".
func EncodedOf(name string) string {
	if IsEncoded(name) {
		return name
	}
	n, ok := parseRegionName([]byte(name))
	if !ok {
		return ""
	}
	if len(n.encoded) == 0 {
		return MetaEncoded
	}
	return string(n.encoded)
}

// PlainTable leaves out the namespace default.
func PlainTable(namespace, table string) string {
	if namespace == "" || namespace == "default" {
		return table
	}
	return namespace + ":" + table
}

// SplitName reads table and start key out of a full region name.
func SplitName(name string) (table string, start []byte, ok bool) {
	n, ok := parseRegionName([]byte(name))
	if !ok {
		return "", nil, false
	}
	return string(n.table), ParseBinary(n.start), true
}
