package proxy

import (
	"fmt"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/wire"
)

// A refused statement leaves the session as PostgreSQL would: the transaction
// failed, the rest of a message dropped, the rest of a pipeline skipped up to
// Sync. The server does all that by itself when it gets a poison in place of
// the statement: something that it can parse, that fails when it is analysed,
// and that changes nothing. The server's side puts pgveil's error in the place
// of the poison's. In a transaction that has failed already the server refuses
// the poison for that reason, and its error is the right one.
const (
	// poisonSQL names a column that does not exist: 42703.
	poisonSQL = `SELECT "pgveil refused a statement"`
	// poisonBind is a statement that does not exist: 26000.
	poisonBind = "pgveil refused a statement"
	// poisonPortal is a portal that does not exist: 34000.
	poisonPortal = "pgveil refused a statement"
)

// isPoisoned reports whether an error is the one that a poison gives. Another,
// such as a cancel that came first, is the client's to see.
func isPoisoned(state []byte) bool {
	switch string(state) {
	case "42703", "26000", "34000":
		return true
	}
	return false
}

// refuse logs a refusal and returns it as what is said to the client.
func (s *session) refuse(err error) *pgerr.Error {
	refusal := pgerr.From(err)
	fields := []zap.Field{zap.String("code", string(refusal.Code)), zap.String("state", refusal.State)}
	if refusal.Cause != nil {
		fields = append(fields, zap.NamedError("err", refusal.Cause))
	}
	if refusal.State == pgerr.StateInternal || refusal.State == pgerr.StateKeys {
		s.log.Error("statement refused", fields...)
	} else {
		s.log.Debug("statement refused", fields...)
	}
	return refusal
}

// refuseParse sends a poison in place of a Parse.
func (s *session) refuseParse(name []byte, refusal *pgerr.Error) error {
	return s.sendParse(expect{kind: expectParse, refusal: refusal}, &wire.Parse{Name: name, SQL: []byte(poisonSQL)})
}

// refuseBind sends a poison in place of a Bind.
func (s *session) refuseBind(portal []byte, refusal *pgerr.Error) error {
	return s.sendBind(expect{kind: expectBind, refusal: refusal},
		&wire.Bind{Portal: portal, Statement: []byte(poisonBind)})
}

// refuseDescribe sends a poison in place of a Describe of a statement.
func (s *session) refuseDescribe(refusal *pgerr.Error) error {
	return s.sendPoison(expect{kind: expectDescribe, refusal: refusal},
		&wire.Describe{Kind: wire.KindStatement, Name: []byte(poisonBind)})
}

// refuseExecute sends a poison in place of an Execute.
func (s *session) refuseExecute(refusal *pgerr.Error) error {
	return s.sendPoison(expect{kind: expectExecute, refusal: refusal}, &wire.Execute{Portal: []byte(poisonPortal)})
}

func (s *session) sendPoison(e expect, m appender) error {
	frame, err := m.Append(s.asks.frame[:0])
	if err != nil {
		return fmt.Errorf("sending a poison: %w", err)
	}
	s.asks.frame = keep(frame)
	s.push(e)
	return s.write(frame)
}

func (s *session) sendParse(e expect, m *wire.Parse) error {
	frame, err := m.Append(s.asks.frame[:0])
	if err != nil {
		return fmt.Errorf("sending a Parse: %w", err)
	}
	s.asks.frame = keep(frame)
	s.push(e)
	return s.write(frame)
}

func (s *session) sendBind(e expect, m *wire.Bind) error {
	frame, err := m.Append(s.asks.frame[:0])
	if err != nil {
		return fmt.Errorf("sending a Bind: %w", err)
	}
	s.asks.frame = keep(frame)
	s.push(e)
	return s.write(frame)
}

func namesPlannedError(word string) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.SQLNamesPlanned,
		Message: fmt.Sprintf("%s cannot be used on a prepared statement or cursor over a protected table", word),
		Detail:  "Its parameters and results would not be sealed and opened.",
		Hint:    "EXECUTE or FETCH in a statement of its own, or send the prepared statement itself.",
	}
}

func settingsInMessageError() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.SettingsInMessage,
		Message: "cannot use a protected table in one message with a statement before it that may change the role or the search path",
		Detail:  "What the statement means and what it may read is only known when the one before it has run.",
		Hint:    "Send the two statements one after the other.",
	}
}

func changedPlanError() *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.PlanChanged,
		Message: "cached plan must not change result type",
		Detail:  "Since the statement was prepared, the role, the search path, or what is protected has changed, and it would now be sent to the server differently.",
		Hint:    "Prepare the statement again.",
	}
}
