package syntax

import (
	"strconv"
	"strings"
)

// Print returns an expression as PPL, with parentheses only where the tree needs them.
func Print(e Expr) string {
	var b strings.Builder
	write(&b, e, 0)
	return b.String()
}

// Levels of precedence, weakest first.
const (
	levelOr = iota + 1
	levelXor
	levelAnd
	levelNot
	levelCompare
	levelAdd
	levelMul
	levelUnary
)

func level(e Expr) int {
	switch e := e.(type) {
	case *Logic:
		return map[string]int{Or: levelOr, Xor: levelXor, And: levelAnd}[e.Op]
	case *Not:
		return levelNot
	case *Binary:
		switch e.Op {
		case Add, Sub:
			return levelAdd
		case Mul, Div, Mod:
			return levelMul
		}
		return levelCompare
	case *IsNull, *In, *InQuery, *Between:
		return levelCompare
	case *Unary:
		return levelUnary
	case *Lambda:
		return levelOr
	case *Field, *Literal, *Interval, *SpanLen, *Exists, *Scalar, *Call, *Case, *Cast, *FieldSet:
	}
	return levelUnary + 1
}

// write prints e; weaker than min it goes into parentheses.
func write(b *strings.Builder, e Expr, least int) {
	if level(e) < least {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	switch e := e.(type) {
	case *Field:
		if e.Name == "*" {
			b.WriteByte('*')
			return
		}
		b.WriteString(Name(e.Name))
	case *Literal:
		b.WriteString(printLiteral(e))
	case *Interval:
		b.WriteString("interval ")
		write(b, e.N, levelUnary)
		b.WriteString(" " + e.Unit)
	case *SpanLen:
		b.WriteString(e.Text)
	case *Unary:
		b.WriteString(e.Op)
		if l, ok := e.X.(*Literal); ok && l.Text != "" { // -(5): without them it would be the number -5
			b.WriteString("(" + l.Text + ")")
			return
		}
		write(b, e.X, levelUnary)
	case *Not:
		b.WriteString("not ")
		write(b, e.X, levelNot)
	case *Logic:
		for i, x := range e.Xs {
			if i > 0 {
				b.WriteString(" " + e.Op + " ")
			}
			write(b, x, level(e)+1)
		}
	case *Binary:
		printBinary(b, e)
	case *IsNull:
		write(b, e.X, levelCompare)
		b.WriteString(" is " + not(e.Neg) + "null")
	case *In:
		write(b, e.X, levelCompare)
		b.WriteString(" " + not(e.Neg) + "in (")
		printList(b, e.List, levelAdd)
		b.WriteByte(')')
	case *InQuery:
		printTuple(b, e.Xs)
		b.WriteString(" " + not(e.Neg) + "in [" + pipeline(e.Query) + "]")
	case *Between:
		write(b, e.X, levelCompare)
		b.WriteString(" " + not(e.Neg) + "between ")
		write(b, e.Lo, levelAdd)
		b.WriteString(" and ")
		write(b, e.Hi, levelAdd)
	case *Exists:
		b.WriteString("exists [" + pipeline(e.Query) + "]")
	case *Scalar:
		b.WriteString("[" + pipeline(e.Query) + "]")
	case *Call:
		printCall(b, e)
	case *Case:
		printCase(b, e)
	case *Cast:
		b.WriteString("cast(")
		write(b, e.X, 0)
		b.WriteString(" as " + e.Type + ")")
	case *Lambda:
		b.WriteString("(" + strings.Join(e.Params, ", ") + ") -> ")
		write(b, e.Body, 0)
	case *FieldSet:
		printFieldSet(b, e)
	}
}

func pipeline(q Pipeline) string {
	if q == nil {
		return ""
	}
	return q.String()
}

func not(neg bool) string {
	if neg {
		return "not "
	}
	return ""
}

func printLiteral(l *Literal) string {
	if l.Text != "" {
		return l.Text
	}
	switch v := l.Value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		if l.Bare {
			return v
		}
		return Quote(v)
	}
	return "null"
}

func printBinary(b *strings.Builder, e *Binary) {
	lv := level(e)
	write(b, e.L, lv)
	b.WriteString(" " + e.Op + " ")
	if lv == levelCompare {
		write(b, e.R, levelAdd)
		return
	}
	write(b, e.R, lv+1)
}

func printList(b *strings.Builder, xs []Expr, least int) {
	for i, x := range xs {
		if i > 0 {
			b.WriteString(", ")
		}
		write(b, x, least)
	}
}

func printTuple(b *strings.Builder, xs []Expr) {
	if len(xs) == 1 {
		write(b, xs[0], levelCompare)
		return
	}
	b.WriteByte('(')
	write(b, xs[0], 0)
	b.WriteString(", ")
	printList(b, xs[1:], levelAdd)
	b.WriteByte(')')
}

func printCall(b *strings.Builder, e *Call) {
	b.WriteString(e.Name + "(")
	if e.Distinct {
		b.WriteString("distinct ")
	}
	sep := ", "
	if strings.EqualFold(e.Name, "extract") {
		sep = " from "
	}
	least := 0
	if strings.EqualFold(e.Name, "position") {
		least = levelAdd
	}
	for i, a := range e.Args {
		if i > 0 {
			b.WriteString(sep)
		}
		if a.Name != "" {
			b.WriteString(a.Name + "=")
			write(b, a.X, levelAdd)
			continue
		}
		write(b, a.X, least)
	}
	b.WriteByte(')')
}

func printCase(b *strings.Builder, e *Case) {
	b.WriteString("case(")
	for i, w := range e.Whens {
		if i > 0 {
			b.WriteString(", ")
		}
		write(b, w.Cond, 0)
		b.WriteString(", ")
		write(b, w.Then, 0)
	}
	if e.Else != nil {
		b.WriteString(" else ")
		write(b, e.Else, 0)
	}
	b.WriteByte(')')
}

func printFieldSet(b *strings.Builder, e *FieldSet) {
	b.WriteByte('[')
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(f))
		if e.Weights[i] != "" {
			b.WriteString(" ^ " + e.Weights[i])
		}
	}
	b.WriteByte(']')
}

// PrintSearch returns a search expression as PPL.
func PrintSearch(s Search) string {
	switch s := s.(type) {
	case *SearchTerm:
		return printTerm(*s)
	case *SearchNot:
		return "NOT " + searchParens(s.X)
	case *SearchLogic:
		parts := make([]string, len(s.Xs))
		for i, x := range s.Xs {
			parts[i] = PrintSearch(x)
			if l, ok := x.(*SearchLogic); ok && (s.Op == Or || l.Op == And) {
				parts[i] = "(" + parts[i] + ")"
			}
		}
		return strings.Join(parts, " "+strings.ToUpper(s.Op)+" ")
	case *SearchCompare:
		if s.Op == "in" {
			parts := make([]string, len(s.Values))
			for i, v := range s.Values {
				parts[i] = printTerm(v)
			}
			return Name(s.Field.Name) + " IN (" + strings.Join(parts, ", ") + ")"
		}
		name := Name(s.Field.Name)
		if s.Field.Quoted && name == s.Field.Name {
			name = "`" + name + "`" // `earliest`= is a field, earliest= a time
		}
		return name + s.Op + printTerm(s.Values[0])
	}
	return ""
}

func searchParens(s Search) string {
	if _, ok := s.(*SearchLogic); ok {
		return "(" + PrintSearch(s) + ")"
	}
	return PrintSearch(s)
}

func printTerm(t SearchTerm) string {
	if t.Quoted {
		return Quote(t.Text)
	}
	return t.Text
}
