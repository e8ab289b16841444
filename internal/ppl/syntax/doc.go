// Package syntax reads the text of PPL: tokens, expressions with their positions, and errors that point at the text.
//
// Words: a span is a half-open range of bytes of the query; a token is a word, a quoted text, a number or a mark; an expression
// is a tree of nodes that each know their span; a pipeline is a search followed by commands, which package command reads with
// the Parser of this package. No word is reserved: a keyword is what stands where the grammar asks for one.
//
// All work is linear in the length of the text. Nesting is bounded by MaxDepth, the text by MaxQueryBytes.
package syntax
