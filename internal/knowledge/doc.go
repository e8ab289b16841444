// Package knowledge keeps what an engineer looks up, in bases of documents, and finds the passage that answers a question.
//
// Words: a base is a named collection: the bundled runbooks, a directory, or a git repository; a document is one file of it, as
// text whose line numbers are the file's own; a chunk is a run of its lines under one heading, about 120 to 240 tokens, the
// most that the embedder reads; a shelf is one SQLite file of bases; a hit is a chunk that answers, with its citation.
//
// A search asks two lists, BM25 over words (FTS5) and cosine over vectors, and fuses them by reciprocal rank. The bundled shelf
// is made when the program is built and read in place; the user's is one file in the data directory, written in transactions of
// a few documents each, so that a killed update loses nothing and goes on where it was.
//
// Text of documents is data from outside: characters that hide text from a reader are taken out when a document is read, and
// counted.
package knowledge
