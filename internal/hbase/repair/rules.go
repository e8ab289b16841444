package repair

import (
	"github.com/plumbline-mcp/plumbline/internal/hbase/check"
)

// rule plans the repair of one root.
type rule func(*builder, *check.Finding)

// rules names the rule of each type of the catalogue. Types without one are left to a person, with a word why.
func rules() map[check.Type]rule {
	return map[check.Type]rule{
		check.MissingRegioninfo:    (*builder).missingRegioninfo,
		check.RegionNotInMeta:      (*builder).notInMeta,
		check.RegionDirMissing:     (*builder).dirMissing,
		check.Hole:                 (*builder).hole,
		check.Overlap:              (*builder).overlap,
		check.UnknownServer:        (*builder).unknownServer,
		check.NotDeployed:          (*builder).notDeployed,
		check.TransitionStuck:      (*builder).stuck,
		check.FailedOpen:           (*builder).failedOpen,
		check.MissingDescriptor:    (*builder).missingDescriptor,
		check.EmptyRegioninfoCell:  (*builder).emptyCell,
		check.MultiDeployed:        (*builder).multiDeployed,
		check.ServerMismatch:       (*builder).serverMismatch,
		check.NotInMetaHDFS:        (*builder).ghost,
		check.LingeringSplitParent: (*builder).splitParent,
		check.LingeringReference:   (*builder).lingering,
		check.LingeringHFileLink:   (*builder).lingering,
		check.TableStateStuck:      (*builder).tableStateStuck,
		check.OrphanTableState:     (*builder).orphanTableState,
		check.NoTableState:         (*builder).noTableState,
		check.NoVersionFile:        (*builder).noVersionFile,
		check.MasterNotInitialized: (*builder).masterNotInitialized,
		check.ReplicationQueue:     (*builder).replication,
		check.RegioninfoMismatch:   (*builder).regioninfoMismatch,
	}
}

// finishGathered writes the steps that several findings share.
func (b *builder) finishGathered() {
	b.flushServers()
	b.flushAdds()
	b.flushExtras()
	b.flushChain()
	b.flushRestart()
	b.flushAssigns()
}
