// Package load copies the tables of a source into indices of a cluster: recordings for tests and demos, files that outgrew a
// machine.
//
// Words: a plan lists the tables with their rows and the index each goes to, with the mapping of its shape (the OpenTelemetry
// form of Data Prepper's templates for spans and logs); a batch is one _bulk request; the journal is a file that says how many
// rows of a table the cluster has acknowledged. Documents have ids made of the table and the row's place, so that a row that is
// sent twice is one document: running again after any end is the way to resume.
package load
