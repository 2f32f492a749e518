//go:build !race

package envelope

// raceDetector says that the race detector is on.
const raceDetector = false
