package labelled

import (
	"fmt"
	"strconv"
	"strings"
)

// valueFunc makes a value of a kind from the arguments behind the kind's name.
type valueFunc func(g *source, args string) string

const (
	hexDigits = "0123456789abcdef"
	letters   = "abcdefghijklmnopqrstuvwxyz"
)

// valueKinds returns the kinds of values a template can name.
func valueKinds() map[string]valueFunc {
	return map[string]valueFunc{
		"num":   number,
		"float": func(g *source, _ string) string { return fmt.Sprintf("%.*f", 1+g.IntN(3), g.Float64()*900) },
		"hex":   func(g *source, a string) string { return g.digits(hexDigits, a) },
		"HEX":   func(g *source, a string) string { return strings.ToUpper(g.digits(hexDigits, a)) },
		"b64": func(g *source, _ string) string {
			return g.digits(letters+strings.ToUpper(letters)+"0123456789+/", "22")
		},
		"ip":     func(g *source, _ string) string { return g.ip() },
		"ipport": func(g *source, _ string) string { return g.ip() + ":" + strconv.Itoa(1024+g.IntN(60000)) },
		"ipv6": func(g *source, _ string) string {
			return "fe80::" + g.digits(hexDigits, "4") + ":" + g.digits(hexDigits, "4")
		},
		"iphost": func(g *source, _ string) string { return g.either(g.ip(), g.host()) },
		"mac":    func(g *source, _ string) string { return g.mac() },
		"uuid":   func(g *source, _ string) string { return g.uuid() },
		"blk":    func(g *source, _ string) string { return "blk_" + g.either("", "-") + g.digits("123456789", "18") },
		"path":   func(g *source, _ string) string { return g.path() },
		"wpath":  func(g *source, _ string) string { return g.windowsPath() },
		"url":    func(g *source, _ string) string { return "https://" + g.host() + g.path() + "?q=" + g.pick(words) },
		"user":   func(g *source, _ string) string { return g.user() },
		"word":   func(g *source, _ string) string { return g.pick(words) },
		"db":     func(g *source, _ string) string { return g.pick(words) + g.either("", "_db") },
		"host":   func(g *source, _ string) string { return g.host() },
		"hostd":  func(g *source, _ string) string { return g.host() },
		"hostw": func(g *source, _ string) string {
			return g.pick(words) + "-" + g.pick(words) + g.either("", "-"+g.digits("0123456789", "2"))
		},
		"hostopt": func(g *source, _ string) string { return g.either("", g.host()) },
		"exe":     func(g *source, _ string) string { return g.pick(programs) + g.either("", " *64") },
		"dotted": func(g *source, _ string) string {
			return "com." + g.pick(words) + "." + g.pick(words) + g.either("", "."+g.pick(words))
		},
		"thread": func(g *source, _ string) string { return g.pick(words) + "Handler-" + g.digits("0123456789", "2") },
		"topic":  func(g *source, _ string) string { return g.pick(words) + g.either("", "."+g.pick(words)) },
		"group": func(g *source, _ string) string {
			return g.pick(words) + "-" + g.pick([]string{"consumer", "workers", "indexer"})
		},
		"region": func(g *source, _ string) string { return g.region() },
		"b":      func(g *source, _ string) string { return g.either("true", "false") },
		"ver": func(g *source, _ string) string {
			return fmt.Sprintf("%d.%d.%d.%d", g.IntN(9), g.IntN(20), g.IntN(999), g.IntN(9))
		},
		"dur": func(g *source, _ string) string { return g.duration() },
		"life": func(g *source, _ string) string {
			return g.either("<1 sec", fmt.Sprintf("%02d:%02d", g.IntN(60), g.IntN(60)))
		},
		"time": func(g *source, _ string) string {
			return fmt.Sprintf("%02d:%02d:%02d", g.IntN(24), g.IntN(60), g.IntN(60))
		},
		"date": func(g *source, _ string) string {
			return fmt.Sprintf("20%02d-%02d-%02d", 10+g.IntN(16), 1+g.IntN(12), 1+g.IntN(28))
		},
		"date8": func(g *source, _ string) string {
			return fmt.Sprintf("20%02d%02d%02d", 10+g.IntN(16), 1+g.IntN(12), 1+g.IntN(28))
		},
		"slashdate": func(g *source, _ string) string {
			return fmt.Sprintf("20%02d/%02d/%02d", 10+g.IntN(16), 1+g.IntN(12), 1+g.IntN(28))
		},
		"iso": func(g *source, _ string) string { return g.iso() },
		"clf": func(g *source, _ string) string {
			return fmt.Sprintf("%02d/%s/2026:%02d:%02d:%02d +0%d00", 1+g.IntN(28), g.pick(months), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(4))
		},
		"ctime": func(g *source, _ string) string {
			return fmt.Sprintf("%s %s %2d %02d:%02d:%02d 2005", g.pick(days), g.pick(months), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60))
		},
		"sql":    func(g *source, _ string) string { return g.sql() },
		"quoted": func(g *source, _ string) string { return g.phrase(1, 5) },
		"phrase": func(g *source, _ string) string { return g.phrase(2, 6) },
		"pick":   func(g *source, a string) string { return g.pick(strings.Split(a, "|")) },
		"list":   list,
	}
}

func number(g *source, a string) string {
	lo, hi := 0, 1<<(4+g.IntN(26))
	if a != "" {
		l, h, ranged := strings.Cut(a, ":")
		lo, _ = strconv.Atoi(l)
		if hi = lo * 2; ranged {
			hi, _ = strconv.Atoi(h)
		}
	}
	return strconv.Itoa(lo + g.IntN(max(1, hi-lo+1)))
}

// list joins items: item:separator:least:most, where item is a kind or a text with values.
func list(g *source, a string) string {
	f := strings.Split(a, ":")
	n := len(f)
	lo, _ := strconv.Atoi(f[n-2])
	hi, _ := strconv.Atoi(f[n-1])
	item, sep := strings.Join(f[:n-3], ":"), f[n-3]
	if !strings.Contains(item, "{") {
		item = "{" + item + "}"
	}
	var out []string
	for range lo + g.IntN(hi-lo+1) {
		var b strings.Builder
		g.write(&b, nodes(item, g.kinds), new(int))
		out = append(out, b.String())
	}
	return strings.Join(out, sep)
}

func (g *source) pick(from []string) string { return from[g.IntN(len(from))] }

func (g *source) either(a, b string) string {
	if g.IntN(2) == 0 {
		return a
	}
	return b
}

func (g *source) digits(alphabet, length string) string {
	n, _ := strconv.Atoi(length)
	b := make([]byte, max(n, 1))
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(b)
}

func (g *source) ip() string {
	return fmt.Sprintf("%d.%d.%d.%d", 1+g.IntN(250), g.IntN(255), g.IntN(255), 1+g.IntN(250))
}

func (g *source) mac() string {
	var p []string
	for range 6 {
		p = append(p, g.digits(hexDigits, "2"))
	}
	return strings.Join(p, ":")
}

func (g *source) uuid() string {
	return g.digits(hexDigits, "8") + "-" + g.digits(hexDigits, "4") + "-4" + g.digits(hexDigits, "3") + "-a" + g.digits(hexDigits, "3") + "-" + g.digits(hexDigits, "12")
}

func (g *source) path() string {
	var p strings.Builder
	for range 1 + g.IntN(4) {
		p.WriteString("/" + g.pick(words))
	}
	return p.String() + g.either("", "/"+g.digits("0123456789", "4")) + g.either("", ".log")
}

func (g *source) windowsPath() string {
	return `C:\Windows\` + g.pick(words) + `\amd64_` + g.pick(words) + "_" + g.digits(hexDigits, "16") + `\` + g.pick(words) + g.either(".dll", "_*.sqm")
}

// user draws from few frequent and many rare names, some with digits.
func (g *source) user() string {
	switch g.IntN(5) {
	case 0, 1:
		return g.pick([]string{"root", "admin"})
	case 2:
		return g.pick(people) + g.digits("0123456789", "2")
	}
	return g.pick(people)
}

func (g *source) host() string {
	domain := g.pick([]string{"cse.campus.edu", "example.com", "shop.internal", "dialup.provider.net"})
	return g.pick(words) + g.either("", g.digits("0123456789", "2")) + "." + domain
}

func (g *source) region() string {
	return g.pick(words) + "," + g.pick(words) + g.digits("0123456789", "4") + "," + g.digits("123456789", "13") + "." + g.digits(hexDigits, "32") + "."
}

func (g *source) duration() string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%.3fms", g.Float64()*900)
	case 1:
		return fmt.Sprintf("%dµs", g.IntN(900))
	case 2:
		return fmt.Sprintf("%dm%.1fs", 1+g.IntN(9), g.Float64()*60)
	}
	return fmt.Sprintf("%.2fs", g.Float64()*60)
}

func (g *source) iso() string {
	return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03dZ", 1+g.IntN(12), 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(1000))
}

// sql is a statement whose words are a value as a whole.
func (g *source) sql() string {
	switch g.IntN(3) {
	case 0:
		return "SELECT * FROM " + g.pick(words) + " WHERE id = $1"
	case 1:
		return "UPDATE " + g.pick(words) + " SET " + g.pick(words) + " = $1, " + g.pick(words) + " = $2 WHERE id = $3"
	}
	return "INSERT INTO " + g.pick(words) + " (" + g.pick(words) + ", " + g.pick(words) + ") VALUES ($1, $2)"
}

func (g *source) phrase(lo, hi int) string {
	var p []string
	for range lo + g.IntN(hi-lo+1) {
		p = append(p, g.pick(words))
	}
	return strings.Join(p, " ")
}
