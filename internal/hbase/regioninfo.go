package hbase

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"
)

// regionInfo reads the value of an info:regioninfo cell, which the shell prints as
//
//	{ENCODED => e, NAME => 'n', STARTKEY => 's', ENDKEY => 'e'[, OFFLINE => true][, SPLIT => true][, REPLICA_ID => n]}
//
// Keys may hold quotes, commas and arrows. The start key is known from the row's name, so that the text is taken apart from
// both ends and never searched for quotes.
func (p *metaParser) regionInfo(r *Region, value []byte, at At) {
	t, ok := parseRegionInfo(value, []byte(r.Row))
	if !ok {
		if len(value) > 0 && value[0] == '{' {
			p.torn = true
		}
		return
	}
	r.HasInfo, r.At = true, at
	r.Start, r.End, r.Split, r.Offline = slices.Clip(r.Start), ParseBinary(t.end), t.split, t.offline
	if string(t.encoded) != r.Encoded {
		r.Cell = string(t.encoded)
	}
	if string(t.name) != r.Row {
		r.Name = string(t.name)
		r.Start = ParseBinary(t.start)
	}
	if t.replica > 0 {
		r.Replica = t.replica
	}
}

// infoText is a region info as printed, in parts.
type infoText struct {
	encoded, name, start, end []byte
	offline, split            bool
	replica                   int
}

func parseRegionInfo(v, row []byte) (t infoText, ok bool) {
	v = bytes.TrimSpace(v)
	v, ok1 := bytes.CutPrefix(v, []byte("{ENCODED => "))
	v, ok2 := bytes.CutSuffix(v, []byte("}"))
	i := bytes.IndexByte(v, ',')
	if !ok1 || !ok2 || i < 0 {
		return t, false
	}
	t.encoded, v = v[:i], v[i:]
	if v, ok = bytes.CutPrefix(v, []byte(", NAME => '")); !ok {
		return t, false
	}
	if v, ok = t.flags(v); !ok {
		return t, false
	}
	return t, t.keys(v, row)
}

// flags takes the flags off the end, up to the quote that closes the end key.
func (t *infoText) flags(v []byte) ([]byte, bool) {
	for len(v) > 0 && v[len(v)-1] != '\'' {
		i := bytes.LastIndex(v, []byte(", "))
		if i < 0 {
			return nil, false
		}
		name, value, _ := bytes.Cut(v[i+2:], []byte(" => "))
		switch string(name) {
		case "OFFLINE":
			t.offline = string(value) == "true"
		case "SPLIT":
			t.split = string(value) == "true"
		case "REPLICA_ID":
			n, err := strconv.Atoi(string(value))
			if err != nil {
				return nil, false
			}
			t.replica = n
		default:
			return nil, false
		}
		v = v[:i]
	}
	if len(v) == 0 {
		return nil, false
	}
	return v[:len(v)-1], true
}

var (
	startMark = []byte("', STARTKEY => '")
	endMark   = []byte("', ENDKEY => '")
)

// keys takes apart NAME', STARTKEY => 'START', ENDKEY => 'END.
func (t *infoText) keys(v, row []byte) bool {
	if n, ok := parseRegionName(row); ok && bytes.HasPrefix(v, row) {
		rest := v[len(row):]
		want := len(startMark) + len(n.start) + len(endMark)
		if len(rest) >= want && bytes.HasPrefix(rest, startMark) && bytes.HasPrefix(rest[len(startMark):], n.start) &&
			bytes.HasPrefix(rest[len(startMark)+len(n.start):], endMark) {
			t.name, t.start, t.end = v[:len(row)], n.start, rest[want:]
			return true
		}
	}
	// The name is not the row's: its own start key tells how long the printed start key is.
	for i := bytes.Index(v, startMark); i >= 0; {
		if n, ok := parseRegionName(v[:i]); ok {
			rest := v[i+len(startMark):]
			if bytes.HasPrefix(rest, n.start) && bytes.HasPrefix(rest[len(n.start):], endMark) {
				t.name, t.start, t.end = v[:i], n.start, rest[len(n.start)+len(endMark):]
				return true
			}
			if start, end, ok := bytes.Cut(rest, endMark); ok {
				t.name, t.start, t.end = v[:i], start, end
				return true
			}
		}
		next := bytes.Index(v[i+1:], startMark)
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

// related reads the region info of another region (info:splitA, info:merge0000): printed, or the raw PBUF bytes of shells
// that print only info:regioninfo. It returns the encoded and the full name.
func (p *metaParser) related(value []byte) (encoded, name string) {
	if t, ok := parseRegionInfo(value, nil); ok {
		return string(t.encoded), string(t.name)
	}
	if bytes.HasPrefix(value, []byte("PBUF")) {
		return decodeRegionInfo(ParseBinary(value)[len("PBUF"):])
	}
	return "", ""
}

// decodeRegionInfo reads the RegionInfo message of HBase.proto: 1 region id, 2 table name (1 namespace, 2 qualifier),
// 3 start key, 4 end key, 5 offline, 6 split, 7 replica id.
func decodeRegionInfo(b []byte) (encoded, name string) {
	var id uint64
	var table string
	var start []byte
	for _, f := range protoFields(b) {
		switch f.number {
		case 1:
			id = f.value
		case 2:
			var space, plain []byte
			for _, g := range protoFields(f.bytes) {
				switch g.number {
				case 1:
					space = g.bytes
				case 2:
					plain = g.bytes
				}
			}
			table = PlainTable(string(space), string(plain))
		case 3:
			start = f.bytes
		}
	}
	if table == "" {
		return "", ""
	}
	number := strconv.FormatUint(id, 10)
	encoded = Encode(table, start, number)
	return encoded, table + "," + FormatBinary(start) + "," + number + "." + encoded + "."
}

type protoField struct {
	number uint64
	value  uint64
	bytes  []byte
}

// protoFields lists the fields of a message, as far as it can be read.
func protoFields(b []byte) []protoField {
	var out []protoField
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag&7 != 0 && tag&7 != 2 {
			break
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			break
		}
		b = b[n:]
		f := protoField{number: tag >> 3, value: v}
		if tag&7 == 2 {
			if v > uint64(len(b)) {
				break
			}
			f.bytes, b = b[:v], b[v:]
		}
		out = append(out, f)
	}
	return out
}
