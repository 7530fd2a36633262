package verify

import "slices"

// Questions returns all, in the order in which they are asked.
func Questions() []Question {
	return slices.Concat(transports(), requests(), frames(), posts(), endings(), latencies(), []Question{heartbeat, throttle})
}
