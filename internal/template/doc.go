// Package template finds the templates of log lines: the text the program was written with, the values replaced by typed
// masks such as <NUM> or <IP>, and by <*> where the values are of no one type.
//
// It is of the Drain family (He et al. 2017) with the hard decisions moved from the stream to a pass over what was learnt:
//
//   - Scanning turns a line into tokens and masks what is a value by its form alone: numbers with their units, addresses,
//     ids, paths, times, quoted text, key=value values, lists of any length (scan.go, classify.go, fold.go).
//   - A shape is a distinct sequence of words and masks. Lines of one shape share a counter; finding it is one hash of the
//     tokens and one look-up, without allocation. That is the fast path of learnt templates.
//   - Generalising groups shapes of equal length and punctuation and decides for each position where they differ whether the
//     words there are values (then the shapes merge, the position becomes <*>) or part of the text (then they stay apart).
//     The decision weighs how many different words there are, how often each repeats, what kind of words they are, what
//     stands beside them, and whether they combine freely with words elsewhere (group.go, evidence.go). At last, templates
//     of different lengths that differ in a value of several words are joined (join.go).
//
// Memory is bounded by Config.MaxShapes: when it is reached, what was learnt is generalised, shapes covered by a template
// with <*> are dropped, and new lines match such templates directly. Lines that fit nowhere when the budget of ids is spent
// are counted in one template per token count. The same lines in the same order always give the same templates.
//
// Words: a token is a word, a punctuation mark or a mask; a shape, see above; a template is what generalising makes of one
// or more shapes; an id is what Add returns: it names a shape and Resolve maps it, at any later time, to its template.
package template
