package software

// What testdata/root-v1.key holds, and one key that it wrapped.
const (
	vectorID      = "software:e483e711173ca98a871a2dd4a2e70c43"
	vectorWrapped = "9LIVUQIpokFjKAQMANMmNZ1tLBdPFRO4i/VSxpYs0KvcSwpigCWM2mfAQtQ/ajodZ/jrIkKvtb+U/pXI"
)
