package opensearch

// RegionOf and Operation are tested by tables of their own.
var (
	RegionOf  = regionOf
	Operation = operation
)
