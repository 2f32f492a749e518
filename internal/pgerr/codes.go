package pgerr

// SQLSTATEs that pgveil raises of its own accord. A value that does not fit
// its logical type is reported with the SQLSTATE that PostgreSQL would use.
const (
	// StateUnsupported says that the policy or pgveil cannot serve the statement.
	StateUnsupported = "0A000"
	// StateForbidden says that the session's roles may not do this.
	StateForbidden = "42501"
	// StateDamaged says that stored bytes do not open.
	StateDamaged = "22P03"
	// StateProtocol says that the peer broke the protocol.
	StateProtocol = "08P01"
	// StateServerGone says that the server cannot be reached or went away.
	StateServerGone = "08006"
	// StateDraining says that pgveil is shutting down.
	StateDraining = "57P01"
	// StateKeys says that keys cannot be had now.
	StateKeys = "58000"
	// StateInternal is a bug of pgveil.
	StateInternal = "XX000"
)

// Codes, one for each heading in docs/ERRORS.md.
const (
	// Internal is a bug of pgveil.
	Internal Code = "internal-error"
)
