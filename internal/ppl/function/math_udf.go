package function

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

const (
	// minRadix and maxRadix bound the bases of conv and tonumber: the digits 0-9 and a-z.
	minRadix = 2
	maxRadix = 36
)

func mathUDFs() []UDF {
	return []UDF{
		{Name: "ppl_conv", In: []string{"VARCHAR", "BIGINT", "BIGINT"}, Out: "VARCHAR", Fn: convUDF},
		{Name: "ppl_crc32", In: []string{"VARCHAR"}, Out: "BIGINT", Fn: func(args []any) (any, error) {
			return int64(crc32.ChecksumIEEE([]byte(args[0].(string)))), nil
		}},
	}
}

// convUDF is conv(text, from, to). Text that is no whole number in base `from` is an error, as on the cluster.
func convUDF(args []any) (any, error) {
	text, from, to := args[0].(string), args[1].(int64), args[2].(int64)
	for _, r := range []int64{from, to} {
		if r < minRadix || r > maxRadix {
			return nil, radixError(r)
		}
	}
	n, err := strconv.ParseInt(text, int(from), 64)
	if err != nil {
		return nil, fmt.Errorf("conv: for input string %q under radix %d: not a whole number", text, from)
	}
	return strconv.FormatInt(n, int(to)), nil
}
