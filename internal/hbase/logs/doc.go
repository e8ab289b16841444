// Package logs reads the logs of an HBase bundle for people: entries grouped by template, and the timeline of one region over
// master and region servers.
//
// A template is what package template makes of the entries' texts; the exception below an entry is part of its group, not
// of its text. Groups can be asked for by meaning: a Ranker compares a question with templates, never with lines.
package logs
