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
	// Unsupported is a construct over a protected column that no rule covers.
	Unsupported Code = "unsupported-construct"
	// NoEquality is a comparison with a column that has no equality search.
	NoEquality Code = "no-equality-search"
	// OtherDomain is a comparison or copy between columns of different domains.
	OtherDomain Code = "different-domains"
	// SealedWithPlain is a comparison with something that the server computes.
	SealedWithPlain Code = "compared-with-computed"
	// Forbidden is a read, filter or write that the session's roles may not do.
	Forbidden Code = "not-allowed-by-policy"
	// CopyToPlain is a copy of a protected column into an unprotected one.
	CopyToPlain Code = "copy-to-unprotected"
	// PermanentCopy is a new table or materialized view with a copy of a protected column.
	PermanentCopy Code = "permanent-copy"
	// ServerSide is code that would run inside the server over a protected relation.
	ServerSide Code = "server-side-code"
	// ComputedValue is a write of something that the server computes.
	ComputedValue Code = "computed-value"
	// UnclearName is a name that may mean a protected column or something else.
	UnclearName Code = "unclear-name"
	// Tainted is a use of a view, function, partition or relation that stands in
	// for a protected relation.
	Tainted Code = "indirect-access"
	// NotApplied is a use of a column that apply has not sealed yet.
	NotApplied Code = "not-applied"
	// CannotParse is a statement over a protected relation that the grammar does not know.
	CannotParse Code = "cannot-parse"
	// TooDeep is a statement over a protected relation that nests too deep to be read.
	TooDeep Code = "too-deep"
	// ProtocolBroken is a peer that sent what the protocol does not allow.
	ProtocolBroken Code = "protocol-broken"
	// MessageTooLong is a message beyond the limit on message sizes.
	MessageTooLong Code = "message-too-long"
	// UndefinedColumn is a column that no relation of a protected statement has.
	UndefinedColumn Code = "undefined-column"
	// AmbiguousColumn is a name that several columns in sight have, a protected one among them.
	AmbiguousColumn Code = "ambiguous-column"
	// TooManyValues is an INSERT with more values than columns.
	TooManyValues Code = "too-many-values"
	// AmbiguousParameter is a parameter that protected columns give different types.
	AmbiguousParameter Code = "ambiguous-parameter"
	// BackslashStrings is a protected statement while standard_conforming_strings is off.
	BackslashStrings Code = "backslash-strings"
	// Utility is a command over a protected relation that is not covered.
	Utility Code = "unsupported-command"
	// KeysAway says that the custodian cannot be reached and no cached key is left.
	KeysAway Code = "keys-away"
	// KeyRecordDamaged is a stored key record that was changed or swapped.
	KeyRecordDamaged Code = "key-record-damaged"
	// KeyMissing is a keyset, or a version in it, of which no record is stored.
	KeyMissing Code = "key-missing"
	// KeyNotServed is a use of a key that is retired or destroyed.
	KeyNotServed Code = "key-not-served"
	// KeyOtherCustodian is a key that another root key has wrapped.
	KeyOtherCustodian Code = "key-other-custodian"
	// KeyStateRefused is a change of a key's state that is not allowed.
	KeyStateRefused Code = "key-state-refused"
	// KeyStorageAway says that the stored key records cannot be read or written.
	KeyStorageAway Code = "key-storage-away"
	// CustodianFile is a root key file that is missing, exists already or is no root key file.
	CustodianFile Code = "custodian-file"
	// CustodianPassphrase is a root key file that the passphrase does not open.
	CustodianPassphrase Code = "custodian-passphrase"
	// CustodianModule is a PKCS#11 module that cannot be loaded or does not answer.
	CustodianModule Code = "custodian-module"
	// CustodianToken is a PKCS#11 token that is not there or cannot be told from another.
	CustodianToken Code = "custodian-token"
	// CustodianPIN is a PIN that the token refused.
	CustodianPIN Code = "custodian-pin"
	// CustodianKey is a root key that is not in the token, or is not fit to be one.
	CustodianKey Code = "custodian-key"
	// CustodianScheme is a token that offers no way to wrap keys with integrity.
	CustodianScheme Code = "custodian-scheme"
	// CopyData is COPY data that is not in its format, or has not the columns that it must have.
	CopyData Code = "bad-copy-data"
	// InvalidValue is a value that does not fit its type or the column's length.
	InvalidValue Code = "invalid-value"
	// ClockInput is a value such as 'now' that means another moment at every reading.
	ClockInput Code = "clock-input"
	// DoesNotOpen is a stored value that is no envelope, was changed, or was sealed for another column.
	DoesNotOpen Code = "does-not-open"
	// DamagedValue is an opened value that is not of the column's type.
	DamagedValue Code = "damaged-value"
	// UnsupportedType is a type that cannot be protected, or not in the way that was asked.
	UnsupportedType Code = "unsupported-type"
	// UnsupportedCast is a conversion between types that PostgreSQL does not do by itself.
	UnsupportedCast Code = "unsupported-cast"
	// ServerAway is a server that cannot be reached when a client logs in.
	ServerAway Code = "server-away"
	// TLSRequired is a client without TLS where the configuration demands it.
	TLSRequired Code = "tls-required"
	// ChannelBinding is a login bound to a TLS channel, which no relay can pass on.
	ChannelBinding Code = "channel-binding"
	// LoginTimeout is a client that took too long to log in.
	LoginTimeout Code = "login-timeout"
	// TooManyConnections is a client beyond the limit on connections.
	TooManyConnections Code = "too-many-connections"
	// Draining ends a session because pgveil is shutting down.
	Draining Code = "shutting-down"
	// CatalogAway says that the database's catalog cannot be read, or was not read in time.
	CatalogAway Code = "catalog-away"
	// ProbeFailed says that the session's role and search path could not be found out.
	ProbeFailed Code = "probe-failed"
	// ClientEncoding is a protected statement with a client_encoding other than UTF8.
	ClientEncoding Code = "client-encoding"
	// UnknownZone is a time with a zone while TimeZone is one that has no rules here.
	UnknownZone Code = "unknown-time-zone"
	// SQLNamesPlanned is a prepared statement over a protected table, made in SQL
	// or over the protocol, that is used in a way that cannot be followed.
	SQLNamesPlanned Code = "sql-names-protocol-statement"
	// UnknownPrepared is EXECUTE of a name that the session has not seen being prepared.
	UnknownPrepared Code = "unknown-prepared-statement"
	// SettingsInMessage is a protected statement behind a change of settings in the same message.
	SettingsInMessage Code = "settings-in-message"
	// PlanChanged is a prepared statement that would now be sent differently.
	PlanChanged Code = "plan-changed"
	// ChangedByStoring is a value that is stored rounded or cut, and used whole beside it.
	ChangedByStoring Code = "changed-by-storing"
	// MaskWrittenBack is a write of a value that was read through a mask.
	MaskWrittenBack Code = "mask-written-back"
	// ResultMismatch is a result that is not the one that was planned.
	ResultMismatch Code = "result-mismatch"
	// StepTooLarge is a statement whose computed values are more than a step may give.
	StepTooLarge Code = "too-many-computed-rows"
	// ServerGone ends a session whose server has gone away.
	ServerGone Code = "server-gone"
)
