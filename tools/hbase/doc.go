// Package hbase is the toolset over bundles of an HBase cluster: what is inconsistent, one region's story, what the logs
// say, and the plan, application and proof of a repair.
package hbase
