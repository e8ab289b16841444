package agent

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"strings"
	"sync"
)

// Price is what a model costs, in US dollars for a million tokens.
type Price struct {
	Input      float64  `json:"input" yaml:"input"`
	Output     float64  `json:"output" yaml:"output"`
	CacheRead  *float64 `json:"cache_read,omitempty" yaml:"cache_read"`   // as input when absent
	CacheWrite *float64 `json:"cache_write,omitempty" yaml:"cache_write"` // as input when absent
}

// Check refuses prices that are no prices.
func (p Price) Check() error {
	for _, v := range []*float64{&p.Input, &p.Output, p.CacheRead, p.CacheWrite} {
		if v != nil && (*v < 0 || math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return fmt.Errorf("a price of %v dollars", *v)
		}
	}
	return nil
}

// cost of one step's tokens in US dollars.
func (p Price) cost(u Usage) float64 {
	read, write := p.Input, p.Input
	if p.CacheRead != nil {
		read = *p.CacheRead
	}
	if p.CacheWrite != nil {
		write = *p.CacheWrite
	}
	fresh := max(0, u.Input-u.CacheRead-u.CacheWrite) + u.Embedded
	return (float64(fresh)*p.Input + float64(u.CacheRead)*read + float64(u.CacheWrite)*write + float64(u.Output)*p.Output) / 1e6
}

// Prices is a table of prices by model.
type Prices struct {
	AsOf   string // date of the built-in table
	models map[string]Price
	own    map[string]bool
}

//go:embed prices.json
var priceData []byte

var builtIn = sync.OnceValue(func() (t struct {
	AsOf   string           `json:"as_of"`
	Models map[string]Price `json:"models"`
},
) {
	if err := json.Unmarshal(priceData, &t); err != nil {
		t.Models = nil // cannot be: a test reads the table
	}
	return t
})

// NewPrices returns the built-in table with own prices before it. Names are matched without provider, region and date; the
// longest name that a model's name begins with wins.
func NewPrices(own map[string]Price) Prices {
	t := builtIn()
	p := Prices{AsOf: t.AsOf, models: maps.Clone(t.Models), own: map[string]bool{}}
	if p.models == nil {
		p.models = map[string]Price{}
	}
	for name, price := range own {
		key := modelKey(name)
		p.models[key] = price
		p.own[key] = true
	}
	return p
}

// vendor is what stands before a model's own name: regions and providers of Bedrock, LiteLLM, Vertex.
var (
	vendor = regexp.MustCompile(`^(?:(?:us|eu|apac|global|jp|au)\.)?(?:anthropic|amazon|openai|google|meta|mistral|deepseek|cohere)[./]`)
	dated  = regexp.MustCompile(`[-@](?:20\d{6}|20\d\d-\d\d-\d\d|latest)(?:-v\d+)?(?::\d+)?$|-v\d+:\d+$`)
)

// modelKey is a model's name without provider, region and date, in lower case.
func modelKey(model string) string {
	m := strings.ToLower(strings.TrimSpace(model))
	if i := strings.LastIndexByte(m, '/'); i >= 0 {
		m = m[i+1:]
	}
	m = vendor.ReplaceAllString(m, "")
	return dated.ReplaceAllString(m, "")
}

// Of returns the price of a model.
func (p Prices) Of(model string) (Price, bool) {
	key := modelKey(model)
	best := ""
	for name := range p.models {
		if len(name) > len(best) && covers(name, key) {
			best = name
		}
	}
	price, ok := p.models[best]
	return price, ok && best != ""
}

// covers reports whether a table's name stands for a model: the same, or its beginning up to a version of digits. A further word,
// as in gpt-4o-audio or o3-deep-research, is another model with another price.
func covers(name, model string) bool {
	rest, ok := strings.CutPrefix(model, name)
	return ok && (rest == "" || (rest[0] == '-' || rest[0] == '@' || rest[0] == ':') && strings.Trim(rest[1:], "0123456789.-v:") == "")
}

// Cost is what a run cost.
type Cost struct {
	USD      float64  `json:"usd"`
	Known    bool     `json:"known"`              // every call that used tokens has a price
	Reported bool     `json:"reported,omitempty"` // the data itself says it
	Unpriced []string `json:"unpriced,omitempty"` // models without a price
}

// String writes the cost for people.
func (c *Cost) String() string {
	switch {
	case !c.Known && len(c.Unpriced) > 0 && c.USD > 0:
		return fmt.Sprintf("%s + unknown (no price for %s)", dollars(c.USD), strings.Join(c.Unpriced, ", "))
	case !c.Known && len(c.Unpriced) > 0:
		return "unknown (no price for " + strings.Join(c.Unpriced, ", ") + ")"
	case !c.Known:
		return "unknown (no tokens recorded)"
	case c.Reported:
		return dollars(c.USD) + " as reported"
	}
	return dollars(c.USD)
}

func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v < 0.01:
		return fmt.Sprintf("$%.5f", v)
	case v < 1:
		return fmt.Sprintf("$%.4f", v)
	}
	return fmt.Sprintf("$%.2f", v)
}
