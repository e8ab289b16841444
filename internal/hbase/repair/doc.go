// Package repair turns what a check found into an ordered plan that repairs the cluster.
//
// Words: a plan is a list of steps; a step is one command with why it is run, what it risks, how to see beforehand that the
// cluster still is as the evidence says (precheck) and afterwards that it worked (verify). A root is a finding that is no
// consequence of another: only roots are repaired, their consequences go with them. A fork is a choice that needs a fact the
// evidence lacks: the plan names the command that gets the fact and what to run instead.
//
// The order is that of the principles of HBCK2's manual, with what a real HBase 2.6.4 taught: master and hbase:meta first,
// then servers, rows that folders still prove, rows without folders, the janitor's report, fixMeta, descriptors, files, and
// assignments last. Adding rows after fixMeta would overlap with the empty regions that fixMeta makes.
//
// Every command that a plan may hold is on the list in allow.go; nothing else is ever written or run.
package repair
