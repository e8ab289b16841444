package function

import (
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

// rank orders the numeric types by width.
func rank(t rows.Type) int {
	switch t {
	case rows.TinyInt:
		return 1
	case rows.SmallInt:
		return 2
	case rows.Int:
		return 3
	case rows.BigInt:
		return 4
	case rows.Float:
		return 5
	case rows.Double:
		return 6
	default:
		return 0
	}
}

// Common returns the narrowest type that holds values of both types, and whether there is one. Undefined (null) gives way to
// anything; a number or time beside a string is a string.
func Common(a, b rows.Type) (rows.Type, bool) {
	switch {
	case a == b:
		return a, true
	case a == rows.Undefined:
		return b, true
	case b == rows.Undefined:
		return a, true
	case a.Numeric() && b.Numeric():
		if (a == rows.Float && b == rows.BigInt) || (a == rows.BigInt && b == rows.Float) {
			return rows.Double, true
		}
		if rank(a) > rank(b) {
			return a, true
		}
		return b, true
	case a.Temporal() && b.Temporal():
		return rows.Timestamp, true
	case a == rows.String && scalarType(b):
		return rows.String, true
	case b == rows.String && scalarType(a):
		return rows.String, true
	}
	return rows.Undefined, false
}

// scalarType reports whether t has one text form.
func scalarType(t rows.Type) bool {
	switch t {
	case rows.Array, rows.Struct, rows.GeoPoint:
		return false
	default:
		return true
	}
}

// Unify casts values to their common type. ok is false when there is none: then the values come back as they were.
func Unify(values []Value) (out []Value, t rows.Type, ok bool) {
	t = rows.Undefined
	ok = true
	for _, v := range values {
		var fits bool
		if t, fits = Common(t, v.Type); !fits {
			return values, rows.Undefined, false
		}
	}
	out = make([]Value, len(values))
	for i, v := range values {
		out[i] = Convert(v, t)
	}
	return out, t, ok
}

// Convert casts v to t where SQL would not do it by itself; a null literal gets the type.
func Convert(v Value, t rows.Type) Value {
	switch {
	case v.Type == t && !v.Nanos:
		return v
	case v.Type == t:
		return v
	case v.IsNull():
		if t == rows.Array || t == rows.Struct || t == rows.Undefined {
			return v
		}
		return Value{SQL: "CAST(NULL AS " + SQLType(t) + ")", Type: t, IsLiteral: true}
	case v.Type.Numeric() && t.Numeric():
		return Value{SQL: "CAST(" + v.SQL + " AS " + SQLType(t) + ")", Type: t}
	}
	return Cast(v, t)
}

// kind copies what a result inherits beside the type: element type, nanoseconds, JSON text.
func kind(sql string, like Value) Value {
	return Value{SQL: sql, Type: like.Type, Elem: like.Elem, Nanos: like.Nanos, JSON: like.JSON}
}
