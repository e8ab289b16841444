// Package minilm is the sentence encoder all-MiniLM-L6-v2 in Go: text in, a vector of 384 floats of length one out, without
// shared libraries, Python or a network.
//
// Words: a token is a piece of a word with a number in the vocabulary (WordPiece); a text is its tokens between [CLS] and
// [SEP], at most 256; a batch is several texts whose tokens lie one after the other, so that short texts fill the matrix
// kernels. The vector of a text is the mean of its tokens' last states, scaled to length one.
//
// The weights are the published ones (Apache-2.0, see model/NOTICE), scaled by row to eight bits for embeddings and ten for
// layers by bench/embed/convert, and embedded. They are unpacked at the first use; a program that never encodes pays nothing.
// Activations are scaled by row to at most 15 bits, so that matrix products are exact 32-bit integer sums on every machine.
package minilm
