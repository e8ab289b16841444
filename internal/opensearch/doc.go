// Package opensearch talks to OpenSearch clusters: one Client a cluster, kept connections, any authentication, bounded answers.
//
// Words: a cluster is what one Config names, behind one or more nodes (URLs); a Request is one call of its REST API; a read is
// a request that may be sent twice (Idempotent), and only reads are retried once they may have reached the cluster.
// Serverless is Amazon OpenSearch Serverless (signing service aoss), which has no cluster API and no GET /.
// A secret is a password, token or key: it is asked for when a request needs it and never appears in an error.
//
// Every failure is a fault error that names the cluster, says what to check, and holds a *ResponseError where the cluster
// answered. A search that lost shards is no failure of the transport: Search tells it in its Shards.
package opensearch
