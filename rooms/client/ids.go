package client

import (
	"slices"

	"parley/wire"
)

func sortedIDs[V any](m map[wire.ID]V) []wire.ID {
	ids := make([]wire.ID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, wire.ID.Compare)
	return ids
}
