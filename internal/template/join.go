package template

// join merges groups that partitioning kept apart although other groups show that they differ in a value.
func (gr *grouper) join() {}
