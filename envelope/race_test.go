//go:build race

package envelope

// raceDetector says that the race detector is on: it drops pooled memory on
// purpose, so that allocations mean nothing.
const raceDetector = true
