package kernel

// Sets lists every implementation this processor can run, the portable one first.
func Sets() []Set {
	all := []Set{Portable()}
	if best := Best(); best.Name != all[0].Name {
		all = append(all, best)
	}
	return all
}
