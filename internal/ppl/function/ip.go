package function

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/rows"
)

func ips() []Func {
	return []Func{
		fn("cidrmatch", "cidrmatch(ip, cidr)", "Whether the address lies in the block.", 2, 2, cidrmatch),
		fn("geoip", "geoip(datasource, ip[, fields])", "Looks an address up in a geographic database of the cluster.", 2, 3, func(*Call) (Value, error) {
			return Value{}, fault.WithHint(fault.New(fault.Unsupported, "geoip: no geographic database here"),
				"geoip needs a cluster with the geospatial plugin; use cidrmatch to sort addresses by block.")
		}),
	}
}

func cidrmatch(c *Call) (Value, error) {
	for i, a := range c.Args {
		if a.Type != rows.IP && a.Type != rows.String && a.Type != rows.Undefined {
			return Value{}, wrongType(c, i, "an ip or a string")
		}
	}
	if s, ok := c.Args[1].text(); ok {
		if _, err := netip.ParsePrefix(s); err != nil {
			return Value{}, fault.New(fault.InvalidQuery, "cidrmatch: IP address range string '%s' is not valid", s)
		}
	}
	return scalar(rows.Boolean, "ppl_cidrmatch(%s, %s)", str(c.Args[0]), str(c.Args[1])), nil
}

func ipUDFs() []UDF {
	return []UDF{
		{Name: "ppl_ip", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			return canonicalIP(args[0].(string))
		}},
		{Name: "ppl_ip_key", In: []string{"VARCHAR"}, Out: "VARCHAR", Fn: func(args []any) (any, error) {
			return ipKey(args[0].(string)), nil
		}},
		{Name: "ppl_cidrmatch", In: []string{"VARCHAR", "VARCHAR"}, Out: "BOOLEAN", Fn: matchCIDR},
	}
}

// canonicalIP returns the address in its shortest form.
func canonicalIP(s string) (string, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "", fmt.Errorf("cast: IP address string '%s' is not valid. Error details: %s IP Address error: validation options do not allow you to specify a non-segmented single value", s, s)
	}
	if a.Is4In6() {
		a = a.Unmap()
	}
	return a.String(), nil
}

// ipKey returns text that sorts as addresses do: 16 bytes in hex, IPv4 mapped into IPv6. Text that is no address sorts last.
func ipKey(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return "z" + s
	}
	b := a.As16()
	return hex.EncodeToString(b[:])
}

func matchCIDR(args []any) (any, error) {
	prefix, err := netip.ParsePrefix(args[1].(string))
	if err != nil {
		return nil, fmt.Errorf("cidrmatch: IP address range string '%s' is not valid", args[1])
	}
	addr, err := netip.ParseAddr(args[0].(string))
	if err != nil {
		return nil, fmt.Errorf("cidrmatch: IP address string '%s' is not valid", args[0])
	}
	return prefix.Masked().Contains(addr.Unmap()) || prefix.Masked().Contains(addr), nil
}
