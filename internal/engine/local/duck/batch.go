package duck

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	bindings "github.com/duckdb/duckdb-go-bindings"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Type is the type of a batch's column.
type Type uint8

// The types of a batch's columns.
const (
	Boolean Type = iota + 1
	BigInt
	Double
	Timestamp   // microseconds since 1970
	TimestampNS // nanoseconds since 1970
	Varchar
)

// String returns the SQL name.
func (t Type) String() string {
	switch t {
	case Boolean:
		return "BOOLEAN"
	case BigInt:
		return "BIGINT"
	case Double:
		return "DOUBLE"
	case Timestamp:
		return "TIMESTAMP"
	case TimestampNS:
		return "TIMESTAMP_NS"
	case Varchar:
		return "VARCHAR"
	default:
		return "NULL"
	}
}

func (t Type) id() mapping.Type {
	switch t {
	case Boolean:
		return mapping.TypeBoolean
	case BigInt:
		return mapping.TypeBigInt
	case Double:
		return mapping.TypeDouble
	case Timestamp:
		return mapping.TypeTimestamp
	case TimestampNS:
		return mapping.TypeTimestampNS
	default:
		return mapping.TypeVarchar
	}
}

// Column is one column of a batch, values back to back. Rows that are null hold a zero value (an empty text).
type Column struct {
	Name    string
	Type    Type
	Valid   []uint64  // bit i%64 of word i/64 is set when row i is not null
	Ints    []int64   // Boolean (0, 1), BigInt, Timestamp, TimestampNS
	Doubles []float64 // Double
	Text    []byte    // Varchar: the texts one after the other, valid UTF-8
	Ends    []int     // Varchar: where each text ends in Text
}

// chunkBytes bounds the text of one column in one appended chunk; DuckDB copies it into one allocation.
const chunkBytes = 32 << 20

// Append appends n rows of the columns to a table; columns of the table that are not among them become null. It runs within
// the connection's transaction if there is one.
func (c *Conn) Append(ctx context.Context, catalog, table string, cols []Column, n int) (err error) {
	var a mapping.Appender
	if mapping.AppenderCreateExt(c.conn, catalog, "main", table, &a) == mapping.StateError {
		err := cause(ctx, appenderError(a))
		mapping.AppenderDestroy(&a)
		return fmt.Errorf("append to %s: %w", table, err)
	}
	defer func() {
		if err != nil {
			mapping.AppenderClear(a)
		}
		if mapping.AppenderDestroy(&a) == mapping.StateError && err == nil {
			err = errors.New("append to " + table + ": not flushed")
		}
	}()
	types := make([]mapping.LogicalType, len(cols))
	for i := range cols {
		if mapping.AppenderAddColumn(a, cols[i].Name) == mapping.StateError {
			return fmt.Errorf("append to %s: column %s: %s", table, cols[i].Name, appenderError(a))
		}
		types[i] = mapping.CreateLogicalType(cols[i].Type.id())
		defer mapping.DestroyLogicalType(&types[i])
	}
	chunk := mapping.CreateDataChunk(types)
	defer mapping.DestroyDataChunk(&chunk)
	for from := 0; from < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := chunkEnd(cols, from, n)
		mapping.DataChunkReset(chunk)
		mapping.DataChunkSetSize(chunk, mapping.IdxT(to-from))
		for i := range cols {
			fill(mapping.DataChunkGetVector(chunk, mapping.IdxT(i)), &cols[i], from, to)
		}
		if mapping.AppendDataChunk(a, chunk) == mapping.StateError {
			return fmt.Errorf("append to %s: %w", table, cause(ctx, appenderError(a)))
		}
		from = to
	}
	if mapping.AppenderFlush(a) == mapping.StateError {
		return fmt.Errorf("append to %s: %w", table, cause(ctx, appenderError(a)))
	}
	return nil
}

func appenderError(a mapping.Appender) string {
	data := mapping.AppenderErrorData(a)
	defer mapping.DestroyErrorData(&data)
	return mapping.ErrorDataMessage(data)
}

// chunkEnd returns where the chunk that begins at row from ends: a vector's length, less when the texts are large.
func chunkEnd(cols []Column, from, n int) int {
	to := min(n, from+int(mapping.VectorSize()))
	for i := range cols {
		if cols[i].Type != Varchar {
			continue
		}
		start := textStart(&cols[i], from)
		for to > from+1 && cols[i].Ends[to-1]-start > chunkBytes {
			to = from + max(1, (to-from)/2)
		}
	}
	return to
}

func textStart(c *Column, row int) int {
	if row == 0 {
		return 0
	}
	return c.Ends[row-1]
}

// fill writes rows [from, to) of a column into a fresh vector.
func fill(v mapping.Vector, c *Column, from, to int) {
	data := mapping.VectorGetData(v)
	switch c.Type {
	case Boolean:
		dst := unsafe.Slice((*bool)(data), to-from) //nolint:gosec // G103: the vector holds that many BOOLEANs
		for i := range dst {
			dst[i] = c.Ints[from+i] != 0
		}
	case BigInt, Timestamp, TimestampNS:
		copy(unsafe.Slice((*int64)(data), to-from), c.Ints[from:to]) //nolint:gosec // G103: all three are 64-bit integers
	case Double:
		copy(unsafe.Slice((*float64)(data), to-from), c.Doubles[from:to]) //nolint:gosec // G103: the vector holds DOUBLEs
	case Varchar:
		fillText(v, data, c, from, to)
	}
	setValid(v, c.Valid, from, to)
}

// fillText hands the texts over in one call: DuckDB copies the run of all of them as the first row's string, the other rows are
// made to point into that copy, which lives as long as the vector. Short texts lie in the string itself (see vector.go).
func fillText(v mapping.Vector, data unsafe.Pointer, c *Column, from, to int) {
	start := textStart(c, from)
	run := c.Text[start:c.Ends[to-1]]
	var base uint64
	if len(run) > stringInline {
		bindings.UnsafeVectorAssignStringElementLen(v, 0, run)
		base = *(*uint64)(unsafe.Add(data, stringPointer)) // the copy's address, which is not Go memory
	}
	begin := start
	for i := from; i < to; i++ {
		end := c.Ends[i]
		s := (*[stringSize]byte)(unsafe.Add(data, (i-from)*stringSize)) // string i of the vector
		*s = [stringSize]byte{}
		*(*uint32)(unsafe.Pointer(s)) = uint32(end - begin) //nolint:gosec // G103: its length
		if end-begin <= stringInline {
			copy(s[stringPrefix:], c.Text[begin:end])
		} else {
			copy(s[stringPrefix:stringPointer], c.Text[begin:end])
			*(*uint64)(unsafe.Pointer(&s[stringPointer])) = base + uint64(begin-start) //nolint:gosec // G103: an address as a number
		}
		begin = end
	}
}

// setValid marks the null rows of [from, to).
func setValid(v mapping.Vector, valid []uint64, from, to int) {
	all := true
	for w := from / 64; w <= (to-1)/64 && all; w++ {
		all = valid[w] == ^uint64(0)
	}
	if all {
		return
	}
	mapping.VectorEnsureValidityWritable(v)
	words := unsafe.Slice((*uint64)(mapping.VectorGetValidity(v)), (to-from+63)/64) //nolint:gosec // G103: one bit a row
	shift := uint(from % 64)
	for i := range words {
		w := from/64 + i
		word := valid[w] >> shift
		if shift != 0 && w+1 < len(valid) {
			word |= valid[w+1] << (64 - shift)
		}
		words[i] = word
	}
}
