// Package clusterhealth looks at an OpenSearch cluster: Get asks one of the endpoints that only read, Diagnose asks those that
// tell how the cluster is and says what is wrong, why, and what to do about it.
//
// Words are OpenSearch's: a shard is primary or replica, STARTED, INITIALIZING, RELOCATING or UNASSIGNED; a decider is a rule
// that lets a node take a shard or not; a watermark is a share of disk above which a node takes no shards (low), gives shards
// away (high), or has its indices blocked for writing (flood stage); a breaker refuses a request that would take too much heap.
//
// What a user may not ask, or a cluster does not have, is told as a finding of its own, and the rest is judged without it.
package clusterhealth
