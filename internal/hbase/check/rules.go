package check

// Rule finds one type of inconsistency.
type Rule struct {
	ID   string // kebab-case, never changes
	Type Type
	Doc  string // what it looks at, when it fires, when it must not
}
