// Package cluster is the toolset of OpenSearch clusters: cluster_diagnose says what is wrong with one and what to do,
// cluster_get asks an endpoint that only reads. Neither changes anything.
package cluster

import (
	"context"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/clusterhealth"
	"github.com/plumbline-mcp/plumbline/tools"
)

// Clusters opens what a call names: a configured source of kind opensearch; "" is the default or the only one.
type Clusters interface {
	Cluster(ctx context.Context, source string) (clusterhealth.Cluster, error)
}

// Deps is what the toolset needs of its process.
type Deps struct {
	Clusters Clusters
	Sleep    func(ctx context.Context, d time.Duration) error // nil = no second look at rejected threads
}

// Tools lists the tools of the set.
func Tools(d Deps) []tools.Tool { return []tools.Tool{diagnoseTool(d), getTool(d)} }

const toolset = "cluster"
