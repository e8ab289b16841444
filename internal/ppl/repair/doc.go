// Package repair proposes a query that runs in the place of one that does not: SQL and KQL habits, missing pipes, wrong words for
// commands and functions, quotes of the wrong kind, names that are nearly right.
//
// Words: a rule rewrites a text in one way and names the change; a check says whether a text would run. Rules may guess: no
// proposal leaves this package that the check has not accepted. The rules read text with quoted parts masked, so that what a
// user quotes is never rewritten.
package repair
