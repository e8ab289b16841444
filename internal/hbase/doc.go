// Package hbase reads what was collected of an HBase cluster into a Snapshot: the rows of hbase:meta, the files below the
// root directory, the reports of hbck and of the master, the processes and what the logs say of regions and servers.
//
// Words are HBase's own. A region has a row in hbase:meta and a folder below the root directory, named by its encoded
// name, the MD5 of "table,startkey,regionid" (hbase:meta itself is 1588230740). A split parent and the parents of a merge
// live on, without serving, until the catalog janitor takes them away. A server name is host,port,startcode.
//
// An artefact is one file or group of files of the bundle; its verdict says whether it is complete, partial or absent. What
// is absent says nothing: an empty scan of hbase:meta is missing evidence, not an empty table. A bundle is a directory, a
// .tar.gz or .zip of one, or an s3:// prefix; Open takes any, and refuses or bounds hostile ones.
//
// Places (At) name a line of an artefact by number and byte offset, so that a finding can quote it after the reading without
// the reader keeping the text: Snapshot.Quote reads the lines again.
package hbase
