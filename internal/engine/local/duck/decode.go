package duck

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// column turns the cells of one vector into Go values. Its type is read once a query, its vector bound once a chunk.
type column struct {
	kind     mapping.Type // how the cells are laid out; for ENUM and DECIMAL the underlying type
	logical  mapping.Type
	data     unsafe.Pointer
	validity unsafe.Pointer
	texts    *interner
	enum     []any
	names    []string // of a struct's children
	children []column // struct: fields; list, array: one; map: key and value
	scale    float64  // of a decimal: 10^scale
	width    int      // of a fixed-size array
}

// newColumn reads the type.
func newColumn(typ mapping.LogicalType) column {
	c := column{logical: mapping.GetTypeId(typ)}
	c.kind = c.logical
	switch c.logical {
	case mapping.TypeVarchar, mapping.TypeBlob:
		c.texts = &interner{}
	case mapping.TypeDecimal:
		c.kind = mapping.DecimalInternalType(typ)
		c.scale = math.Pow10(int(mapping.DecimalScale(typ)))
	case mapping.TypeEnum:
		c.kind = mapping.EnumInternalType(typ)
		for i := range mapping.EnumDictionarySize(typ) {
			c.enum = append(c.enum, mapping.EnumDictionaryValue(typ, mapping.IdxT(i)))
		}
	case mapping.TypeList:
		c.children = []column{childColumn(mapping.ListTypeChildType(typ))}
	case mapping.TypeArray:
		c.children = []column{childColumn(mapping.ArrayTypeChildType(typ))}
		c.width = int(mapping.ArrayTypeArraySize(typ))
	case mapping.TypeMap:
		c.children = []column{childColumn(mapping.MapTypeKeyType(typ)), childColumn(mapping.MapTypeValueType(typ))}
	case mapping.TypeStruct:
		for i := range uint64(mapping.StructTypeChildCount(typ)) {
			c.names = append(c.names, mapping.StructTypeChildName(typ, mapping.IdxT(i)))
			c.children = append(c.children, childColumn(mapping.StructTypeChildType(typ, mapping.IdxT(i))))
		}
	default:
	}
	return c
}

func childColumn(typ mapping.LogicalType) column {
	defer mapping.DestroyLogicalType(&typ)
	return newColumn(typ)
}

// bind points the column at a chunk's vector.
func (c *column) bind(v mapping.Vector) {
	c.data = mapping.VectorGetData(v)
	c.validity = mapping.VectorGetValidity(v)
	switch c.logical {
	case mapping.TypeList:
		c.children[0].bind(mapping.ListVectorGetChild(v))
	case mapping.TypeArray:
		c.children[0].bind(mapping.ArrayVectorGetChild(v))
	case mapping.TypeMap:
		entries := mapping.ListVectorGetChild(v)
		c.children[0].bind(mapping.StructVectorGetChild(entries, 0))
		c.children[1].bind(mapping.StructVectorGetChild(entries, 1))
	case mapping.TypeStruct:
		for i := range c.children {
			c.children[i].bind(mapping.StructVectorGetChild(v, mapping.IdxT(i)))
		}
	default:
	}
}

func (c *column) null(i int) bool {
	return c.validity != nil && at[uint64](c.validity, i/64)&(1<<(i%64)) == 0
}

// cell returns the value at row i.
func (c *column) cell(i int) any {
	if c.null(i) {
		return nil
	}
	switch c.logical {
	case mapping.TypeVarchar:
		return c.texts.value(stringAt(c.data, i))
	case mapping.TypeBlob, mapping.TypeBit, mapping.TypeBigNum, mapping.TypeGeometry:
		return `\x` + hex.EncodeToString(stringAt(c.data, i))
	case mapping.TypeBoolean:
		return at[bool](c.data, i)
	case mapping.TypeEnum:
		return c.enum[c.whole(i)]
	case mapping.TypeDecimal:
		return c.decimal(i)
	case mapping.TypeFloat:
		return float64(at[float32](c.data, i))
	case mapping.TypeDouble:
		return at[float64](c.data, i)
	case mapping.TypeHugeInt, mapping.TypeUHugeInt, mapping.TypeUUID:
		return c.wide(i)
	case mapping.TypeUBigInt:
		if n := at[uint64](c.data, i); n > math.MaxInt64 {
			return float64(n)
		}
		return at[int64](c.data, i)
	case mapping.TypeList, mapping.TypeArray, mapping.TypeMap, mapping.TypeStruct:
		return c.nested(i)
	default:
	}
	if t, ok := c.temporal(i); ok {
		return t
	}
	return c.whole(i)
}

// whole reads the integer types up to 64 bits.
func (c *column) whole(i int) int64 {
	switch c.kind {
	case mapping.TypeTinyInt:
		return int64(at[int8](c.data, i))
	case mapping.TypeUTinyInt:
		return int64(at[uint8](c.data, i))
	case mapping.TypeSmallInt:
		return int64(at[int16](c.data, i))
	case mapping.TypeUSmallInt:
		return int64(at[uint16](c.data, i))
	case mapping.TypeInteger:
		return int64(at[int32](c.data, i))
	case mapping.TypeUInteger:
		return int64(at[uint32](c.data, i))
	default:
		return at[int64](c.data, i)
	}
}

// wide reads 128 bits: UUIDs as text, whole numbers as int64 where they fit.
func (c *column) wide(i int) any {
	low, high := at[uint64](c.data, 2*i), at[int64](c.data, 2*i+1)
	if c.logical == mapping.TypeUUID {
		high ^= math.MinInt64 // DuckDB flips the sign bit so that UUIDs sort as numbers
		h := fmt.Sprintf("%016x%016x", uint64(high), low)
		return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
	}
	if (high == 0 && low <= math.MaxInt64) || (high == -1 && low > math.MaxInt64) {
		return int64(low)
	}
	if c.logical == mapping.TypeUHugeInt {
		return float64(uint64(high))*(1<<64) + float64(low)
	}
	return float64(high)*(1<<64) + float64(low)
}

func (c *column) decimal(i int) any {
	if c.kind != mapping.TypeHugeInt {
		n := c.whole(i)
		if s := int64(c.scale); n%s == 0 {
			return n / s
		}
		return float64(n) / c.scale
	}
	low, high := at[uint64](c.data, 2*i), at[int64](c.data, 2*i+1)
	v := (float64(high)*(1<<64) + float64(low)) / c.scale
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return int64(v)
	}
	return v
}

// temporal reads dates and times: time.Time for timestamps and dates, text for times of day and intervals.
func (c *column) temporal(i int) (any, bool) {
	switch c.logical {
	case mapping.TypeTimestamp, mapping.TypeTimestampTZ:
		return time.UnixMicro(at[int64](c.data, i)).UTC(), true
	case mapping.TypeTimestampNS:
		return time.Unix(0, at[int64](c.data, i)).UTC(), true
	case mapping.TypeTimestampMS:
		return time.UnixMilli(at[int64](c.data, i)).UTC(), true
	case mapping.TypeTimestampS:
		return time.Unix(at[int64](c.data, i), 0).UTC(), true
	case mapping.TypeDate:
		return time.Unix(int64(at[int32](c.data, i))*secondsOfDay, 0).UTC(), true
	case mapping.TypeTime:
		return clock(time.UnixMicro(at[int64](c.data, i))), true
	case mapping.TypeTimeNS:
		return clock(time.Unix(0, at[int64](c.data, i))), true
	case mapping.TypeTimeTZ:
		return clock(time.UnixMicro(int64(at[uint64](c.data, i) >> 24))), true // 40 bits of microseconds above 24 of offset
	case mapping.TypeInterval:
		return interval(at[int32](c.data, 4*i), at[int32](c.data, 4*i+1), at[int64](c.data, 2*i+1)), true
	default:
		return nil, false
	}
}

const secondsOfDay = 24 * 60 * 60

func clock(t time.Time) string { return t.UTC().Format("15:04:05.999999999") }

// interval writes months, days and microseconds as PPL shows intervals in words.
func interval(months, days int32, micros int64) string {
	var parts []string
	add := func(n int64, unit string) {
		if n != 0 {
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit)
		}
	}
	add(int64(months), "months")
	add(int64(days), "days")
	if micros != 0 || len(parts) == 0 {
		parts = append(parts, (time.Duration(micros) * time.Microsecond).String())
	}
	return strings.Join(parts, " ")
}

// nested reads lists, maps and structs.
func (c *column) nested(i int) any {
	switch c.logical {
	case mapping.TypeList:
		return c.slice(int(at[uint64](c.data, 2*i)), int(at[uint64](c.data, 2*i+1)))
	case mapping.TypeArray:
		return c.slice(i*c.width, c.width)
	case mapping.TypeMap:
		from, n := int(at[uint64](c.data, 2*i)), int(at[uint64](c.data, 2*i+1))
		m := make(map[string]any, n)
		for k := from; k < from+n; k++ {
			m[fmt.Sprint(c.children[0].cell(k))] = c.children[1].cell(k)
		}
		return m
	default:
		m := make(map[string]any, len(c.names))
		for k, name := range c.names {
			m[name] = c.children[k].cell(i)
		}
		return m
	}
}

func (c *column) slice(from, n int) []any {
	out := make([]any, n)
	for k := range out {
		out[k] = c.children[0].cell(from + k)
	}
	return out
}
