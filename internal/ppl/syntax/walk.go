package syntax

// Walk calls visit for e and every expression below it, parents first. Sub-searches are not entered.
func Walk(e Expr, visit func(Expr)) {
	if e == nil {
		return
	}
	visit(e)
	for _, c := range Children(e) {
		Walk(c, visit)
	}
}

// Children returns the expressions directly below e.
func Children(e Expr) []Expr {
	switch e := e.(type) {
	case *Interval:
		return []Expr{e.N}
	case *Unary:
		return []Expr{e.X}
	case *Not:
		return []Expr{e.X}
	case *Logic:
		return e.Xs
	case *Binary:
		return []Expr{e.L, e.R}
	case *IsNull:
		return []Expr{e.X}
	case *In:
		return append([]Expr{e.X}, e.List...)
	case *InQuery:
		return e.Xs
	case *Between:
		return []Expr{e.X, e.Lo, e.Hi}
	case *Call:
		xs := make([]Expr, len(e.Args))
		for i, a := range e.Args {
			xs[i] = a.X
		}
		return xs
	case *Case:
		var xs []Expr
		for _, w := range e.Whens {
			xs = append(xs, w.Cond, w.Then)
		}
		if e.Else != nil {
			xs = append(xs, e.Else)
		}
		return xs
	case *Cast:
		return []Expr{e.X}
	case *Lambda:
		return []Expr{e.Body}
	case *Field, *Literal, *SpanLen, *Exists, *Scalar, *FieldSet:
	}
	return nil
}
