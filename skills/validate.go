package skills

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"golang.org/x/text/unicode/norm"
)

// maxCompatibility is the specification's limit, in characters.
const maxCompatibility = 500

// keys are the front matter's keys that the specification knows.
var keys = []string{"allowed-tools", "compatibility", "description", "license", "metadata", "name"}

// Validate returns every rule of the Agent Skills specification that a SKILL.md in a directory of that name breaks, in words; none
// means that it is valid. It judges as the reference validator skills-ref does, names in any script included.
func Validate(skill []byte, dir string) []string {
	head, _, ok := split(skill)
	if !ok {
		return []string{"SKILL.md has no front matter between two lines of ---"}
	}
	var front map[string]any
	if err := yaml.Unmarshal(head, &front); err != nil {
		return []string{"the front matter is no YAML mapping: " + strings.SplitN(yaml.FormatError(err, false, false), "\n", 2)[0]}
	}
	var out []string
	for _, k := range sortedKeys(front) {
		if !slices.Contains(keys, k) {
			out = append(out, fmt.Sprintf("unknown key %q; the keys are %s", k, strings.Join(keys, ", ")))
		}
	}
	out = append(out, validName(front["name"], dir)...)
	out = append(out, validText(front, "description", maxDescription, true)...)
	return append(out, validText(front, "compatibility", maxCompatibility, false)...)
}

func validName(v any, dir string) []string {
	name, ok := scalar(v)
	if name = norm.NFKC.String(strings.TrimSpace(name)); !ok || name == "" {
		return []string{"name is missing or no text"}
	}
	var out []string
	if utf8.RuneCountInString(name) > maxName {
		out = append(out, fmt.Sprintf("name has more than %d characters", maxName))
	}
	if name != strings.ToLower(name) {
		out = append(out, "name has capitals")
	}
	if strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") || strings.Contains(name, "--") {
		out = append(out, "name begins or ends with a hyphen, or has two together")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r != '-' && !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		out = append(out, "name has other characters than letters, digits and hyphens")
	}
	if name != norm.NFKC.String(dir) {
		out = append(out, fmt.Sprintf("name %q is not the directory's name %q", name, dir))
	}
	return out
}

func validText(front map[string]any, key string, limit int, required bool) []string {
	v, ok := front[key]
	text, isText := scalar(v)
	switch {
	case !ok && !required:
		return nil
	case !isText || strings.TrimSpace(text) == "" && required:
		return []string{key + " is missing or no text"}
	case utf8.RuneCountInString(text) > limit:
		return []string{fmt.Sprintf("%s has more than %d characters", key, limit)}
	}
	return nil
}

// scalar is a value as text: the reference reads every scalar as one, numbers too.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
