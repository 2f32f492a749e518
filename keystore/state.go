package keystore

import "slices"

// State is where a key is in its life. The zero value is no state and serves nothing.
//
//	state      seals  opens  next                 why the step is taken
//	pending    no     yes    active               every process has heard of the key
//	active     yes    yes    retiring             another version became active
//	retiring   no     yes    retired              no stored value is known to need it
//	retired    no     no     destroyed, retiring  a scan proved it; or a value turned up
//	destroyed  no     no     -                    the wrapped bytes are erased
//
// A pending key opens because another process may have made it active before
// this one has read the records again.
type State string

// The states of a key.
const (
	Pending   State = "pending"
	Active    State = "active"
	Retiring  State = "retiring"
	Retired   State = "retired"
	Destroyed State = "destroyed"
)

// rules is the table above.
type rules struct {
	opens bool
	next  []State
}

func (s State) rules() (rules, bool) {
	switch s {
	case Pending:
		return rules{opens: true, next: []State{Active}}, true
	case Active:
		return rules{opens: true, next: []State{Retiring}}, true
	case Retiring:
		return rules{opens: true, next: []State{Retired}}, true
	case Retired:
		return rules{next: []State{Destroyed, Retiring}}, true
	case Destroyed:
		return rules{}, true
	default:
		return rules{}, false
	}
}

// known reports whether s is one of the states above.
func (s State) known() bool {
	_, ok := s.rules()
	return ok
}

// opens reports whether a key in this state may open values.
func (s State) opens() bool {
	r, _ := s.rules()
	return r.opens
}

// mayBecome reports whether the table has a step from s to next.
func (s State) mayBecome(next State) bool {
	r, _ := s.rules()
	return slices.Contains(r.next, next)
}
