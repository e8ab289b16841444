package check

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// causes lists, for a type, the types that bring it about on the same region, the likeliest first.
func causes() map[Type][]Type {
	return map[Type][]Type{
		FailedOpen:      {RegionDirMissing, LingeringReference, LingeringHFileLink},
		TransitionStuck: {FailedOpen, RegionDirMissing, LingeringReference, LingeringHFileLink, UnknownServer, MultiDeployed, EmptyRegioninfoCell},
		NotDeployed:     {FailedOpen, RegionDirMissing, LingeringReference, LingeringHFileLink, UnknownServer, Overlap, EmptyRegioninfoCell},
		Overlap:         {RegionDirMissing},
		ServerMismatch:  {MultiDeployed, UnknownServer},
		UnknownServer:   {RegionDirMissing},
	}
}

// relate gives every finding its id and tells which follow from others: one cause, and what hangs on it.
func relate(r *run, found []Finding) {
	byRegion := map[string][]*Finding{}
	byType := map[Type][]*Finding{}
	for i := range found {
		f := &found[i]
		f.ID = f.id()
		if f.Region != "" {
			byRegion[f.Region] = append(byRegion[f.Region], f)
		}
		byType[f.Type] = append(byType[f.Type], f)
	}
	sameRegion(found, byRegion)
	for i := range found {
		f := &found[i]
		if !f.Root() {
			continue
		}
		switch f.Type {
		case Hole:
			f.follow(holeCause(byType, f))
		case NotDeployed, TransitionStuck:
			f.follow(ofTableCause(byType[TableStateStuck], f))
		case FailedOpen:
			if f.Cause == "MISSING_TABLE_DESCRIPTOR" {
				f.follow(ofTableCause(byType[MissingDescriptor], f))
			}
		case LingeringReference, LingeringHFileLink:
			f.follow(parentCause(r, byRegion, f))
		default:
		}
	}
	wholeCluster(byType, found)
	flatten(found)
}

// id names a finding by its type and subject.
func (f *Finding) id() string {
	h := sha256.Sum256([]byte(strings.Join([]string{string(f.Type), f.Table, f.Region, f.StartHex, f.EndHex, regionless(f)}, "\x00")))
	return strings.ToLower(strings.ReplaceAll(string(f.Type), "_", "-")) + "-" + hex.EncodeToString(h[:])[:8]
}

// regionless is what else tells findings without a region apart.
func regionless(f *Finding) string {
	if f.Region != "" {
		return ""
	}
	return f.Server + f.Cause
}

// follow hangs a finding under a root.
func (f *Finding) follow(root *Finding) {
	if root != nil && root != f && f.Root() {
		f.ConsequenceOf, f.RootID = string(root.Type), root.ID
	}
}

func sameRegion(found []Finding, byRegion map[string][]*Finding) {
	table := causes()
	for i := range found {
		f := &found[i]
		for _, t := range table[f.Type] {
			if k := slices.IndexFunc(byRegion[f.Region], func(o *Finding) bool { return o.Type == t }); k >= 0 && f.Region != "" {
				f.follow(byRegion[f.Region][k])
				break
			}
		}
	}
}

// holeCause finds what explains a hole: a folder, an unreadable row or a lost daughter whose keys are in it.
func holeCause(byType map[Type][]*Finding, f *Finding) *Finding {
	for _, t := range []Type{RegionNotInMeta, EmptyRegioninfoCell, LingeringSplitParent} {
		for _, o := range byType[t] {
			if o.Table != f.Table {
				continue
			}
			known := o.start != nil || o.end != nil || o.Name != ""
			inside := meets(o.start, o.end, f.start, f.end)
			if t == EmptyRegioninfoCell && len(o.end) == 0 {
				inside = bytes.Compare(o.start, f.start) >= 0 && (len(f.end) == 0 || bytes.Compare(o.start, f.end) < 0)
			}
			if known && inside {
				return o
			}
		}
	}
	// A folder whose keys nothing tells: it may be the missing one.
	for _, o := range byType[RegionNotInMeta] {
		if o.Table == f.Table && o.start == nil && o.end == nil && o.Name == "" && len(o.Args.Covered) == 0 && o.Confidence != high {
			return o
		}
	}
	return nil
}

func ofTableCause(roots []*Finding, f *Finding) *Finding {
	for _, o := range roots {
		if o.Table == f.Table {
			return o
		}
	}
	return nil
}

// parentCause finds the fault of the parent that a reference leads to: its folder is gone as a whole.
func parentCause(r *run, byRegion map[string][]*Finding, f *Finding) *Finding {
	d := r.Listing.Folder(f.Region)
	if d == nil {
		return nil
	}
	for _, p := range parentsOf(d) {
		for _, o := range byRegion[p] {
			if o.Type == RegionDirMissing {
				return o
			}
		}
	}
	return nil
}

// wholeCluster hangs under a master that does not start what follows from that.
func wholeCluster(byType map[Type][]*Finding, found []Finding) {
	if len(byType[MasterNotInitialized]) == 0 {
		return
	}
	root := byType[MasterNotInitialized][0]
	for i := range found {
		switch f := &found[i]; f.Type {
		case UnknownServer, EvidenceIncomplete, NotDeployed, TransitionStuck, ServerConnectionFailure, WALSplitStuck:
			f.follow(root)
		default:
		}
	}
}

// flatten makes the root of a consequence a root.
func flatten(found []Finding) {
	at := map[string]*Finding{}
	for i := range found {
		at[found[i].ID] = &found[i]
	}
	for i := range found {
		f := &found[i]
		for range len(causes()) {
			o := at[f.RootID]
			if o == nil || o.Root() || o == f {
				break
			}
			f.RootID, f.ConsequenceOf = o.RootID, o.ConsequenceOf
		}
	}
}
