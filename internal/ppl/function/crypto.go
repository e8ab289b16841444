package function

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func cryptos() []Func {
	return []Func{
		fn("md5", "md5(s)", "The MD5 digest in hex.", 1, 1, oneString(rows.String, "md5(%s)")),
		fn("sha1", "sha1(s)", "The SHA-1 digest in hex.", 1, 1, oneString(rows.String, "sha1(%s)")),
		fn("sha2", "sha2(s, bits)", "The SHA-2 digest of 224, 256, 384 or 512 bits in hex.", 2, 2, sha2),
	}
}

func sha2(c *Call) (Value, error) {
	s := str(c.Args[0])
	bits, ok := c.Args[1].integer()
	if !ok {
		return Value{}, fault.New(fault.InvalidQuery, "sha2: argument 2 must be 224, 256, 384 or 512")
	}
	switch bits {
	case 256:
		return scalar(rows.String, "sha256(%s)", s), nil
	case 224, 384, 512:
		return scalar(rows.String, "ppl_sha%d(%s)", bits, s), nil
	}
	return Value{}, fault.New(fault.InvalidQuery, "sha2: Unsupported SHA2 algorithm: %d; use 224, 256, 384 or 512", bits)
}

func cryptoUDFs() []UDF {
	digest := func(name string, f func([]byte) []byte) UDF {
		return UDF{Name: name, In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			return hex.EncodeToString(f([]byte(args[0].(string)))), nil
		}}
	}
	return []UDF{
		digest("ppl_sha224", func(b []byte) []byte { s := sha256.Sum224(b); return s[:] }),
		digest("ppl_sha384", func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }),
		digest("ppl_sha512", func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }),
	}
}
