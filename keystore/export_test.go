package keystore

// Sweep wipes what is past its lifetime, as the background does by itself.
func (s *Store) Sweep() { s.sweep() }

// InMemory returns how many keys the store holds unwrapped.
func (s *Store) InMemory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for sl := range s.slots {
		if sl.held.Load() != nil {
			n++
		}
	}
	return n
}

// Settle waits until no call of the custodian is under way.
func (s *Store) Settle() {
	s.mu.Lock()
	var flights []*flight
	for sl := range s.slots {
		sl.mu.Lock()
		if sl.flight != nil {
			flights = append(flights, sl.flight)
		}
		sl.mu.Unlock()
	}
	s.mu.Unlock()
	for _, f := range flights {
		<-f.done
	}
}

// Encodings and the state table, for tests of what is stored.
var (
	MACInput  = Record.macInput
	AAD       = Record.aad
	MAC       = Record.mac
	MayBecome = State.mayBecome
	Opens     = State.opens
)

// Grace is how long a key outlives its lifetime in memory.
const Grace = wipeGrace

// Pause is how long a failure is repeated.
const Pause = retryPause
