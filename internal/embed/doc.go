// Package embed turns text into vectors whose cosine says how near two texts are in meaning, and ranks by it.
//
// Words: an embedder is a model that does so, in the process (package minilm) or behind a service (OpenAI's interface, Amazon
// Bedrock, OpenSearch ML Commons); its dimension is the length of its vectors and follows the model everywhere. Vectors have
// length one, so a cosine is a dot product. An index holds vectors with eight bits a value and finds the nearest by looking at
// all of them.
package embed
