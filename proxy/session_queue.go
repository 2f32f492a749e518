package proxy

import (
	"sync"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// expectKind is the kind of a frame that was sent to the server, by what the
// server answers to it.
type expectKind uint8

const (
	// expectQuery ends with ReadyForQuery.
	expectQuery expectKind = iota
	expectParse
	expectBind
	// expectDescribe is answered by a ParameterDescription, for a statement, and
	// by a RowDescription or NoData.
	expectDescribe
	// expectExecute ends with CommandComplete, EmptyQueryResponse or PortalSuspended.
	expectExecute
	expectClose
	// expectSync ends with ReadyForQuery.
	expectSync
	// expectFunction ends with ReadyForQuery.
	expectFunction
	// expectCopyData and expectCopyEnd are not answered. They mark where the
	// client's COPY data begins and ends, because a server that is reading COPY
	// data ignores every Sync.
	expectCopyData
	expectCopyEnd
)

// expect is one answer that the server owes.
type expect struct {
	kind expectKind
	seq  uint64
	// own answers belong to a frame of pgveil's own; the client never sees them,
	// but for an error where shown is set.
	own, shown bool
	// statement says that a Describe or Close is of a statement, not a portal.
	statement bool
	// rewritten says that the server was sent another text than the client's.
	rewritten bool
	// refusal says that a poison was sent in place of the client's frame. Its
	// error is replaced by this one.
	refusal *pgerr.Error
	// refused is the index of the poison among the statements of a Query.
	refused int
	// parse is what a Parse defines, or what a Describe is of.
	parse *statement
	// described is how a planned statement that is described would be read.
	described *run
	// portal is what a Bind makes, a Describe is of, or an Execute runs.
	portal *portal
	// named is the name that a Close drops.
	named string
	// runs are the statements of a Query, nil where none needs to be watched.
	runs []run
	// probe takes the rows of pgveil's own query, step those of a step.
	probe *probe
	step  *stepAnswer
	// unrolled says that the frame is one of those that stand for a Query.
	unrolled bool
	// tellsReady says that the client gets the ReadyForQuery of an own frame.
	tellsReady bool
}

// maxExpected bounds what a session has in flight. A client that pipelines
// more waits: the server's answers to so many frames are larger than its send
// buffer, so it answers some of them without being asked to flush.
const maxExpected = 8192

// queue is what the server owes, in order. The client's side of a session
// pushes, the server's side takes from the head; both may wait.
type queue struct {
	mu   sync.Mutex
	cond sync.Cond

	// ring[head:head+n] are the entries, modulo the length of ring.
	ring    []expect
	head, n int
	// pushed and answered are the sequence numbers of the last entry that was
	// pushed, and of the last one that was answered or skipped.
	pushed, answered uint64
	// skipping says that the server ignores everything up to the next Sync,
	// which has not been pushed yet.
	skipping bool
	// status is that of the last ReadyForQuery.
	status byte
	// errors counts the errors that the server reported.
	errors uint64
	closed bool

	// copying is the COPY whose data the client sends now, nil for none; commands
	// is the number of the last entry that is not a mark of COPY data.
	copying  *copyIn
	commands uint64
}

func newQueue(status byte) *queue {
	q := &queue{status: status, ring: make([]expect, 16)}
	q.cond.L = &q.mu
	return q
}

// push appends an entry and returns its sequence number. It reports false if
// the session has ended. An entry that the server is going to skip is dropped
// at once; its number counts as answered.
func (q *queue) push(e expect) (uint64, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pushed++
	e.seq = q.pushed
	if e.kind != expectCopyData && e.kind != expectCopyEnd {
		q.commands = e.seq
	}
	if q.skipping && e.kind != expectSync {
		drop(&e)
		if q.n == 0 {
			q.answered = e.seq
		}
		return e.seq, !q.closed
	}
	q.skipping = false
	if q.n == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.n)%len(q.ring)] = e
	q.n++
	return e.seq, !q.closed
}

func (q *queue) grow() {
	bigger := make([]expect, 2*len(q.ring))
	k := copy(bigger, q.ring[q.head:])
	copy(bigger[k:], q.ring[:q.head])
	q.ring, q.head = bigger, 0
}

// full reports whether the client's side must wait before it pushes.
func (q *queue) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n >= maxExpected && !q.closed
}

// waitRoom waits until the queue is not full. It reports false if the session has ended.
func (q *queue) waitRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.n >= maxExpected && !q.closed {
		q.cond.Wait()
	}
	return !q.closed
}

// waitAnswered waits until the entry of that number was answered or skipped.
// It reports false if the session has ended. What was written to the server
// must have been flushed, with a Flush or Sync behind it.
func (q *queue) waitAnswered(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.answered < seq && !q.closed {
		q.cond.Wait()
	}
	return !q.closed
}

// isAnswered reports whether the entry of that number was answered or skipped.
func (q *queue) isAnswered(seq uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.answered >= seq
}

// state returns the status of the last ReadyForQuery, whether everything was
// answered, so that the status is still true, and how many errors there were.
func (q *queue) state() (status byte, quiet bool, errors uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.status, q.n == 0 && !q.skipping, q.errors
}

// isSkipping reports whether the server ignores everything up to the next Sync.
func (q *queue) isSkipping() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.skipping
}

// peek copies the head to e, which stays the head until pop, ready or fail. It
// reports false if nothing is expected.
func (q *queue) peek(e *expect) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropMarks()
	if q.n == 0 {
		return false
	}
	*e = *q.at(0)
	return true
}

func (q *queue) at(i int) *expect { return &q.ring[(q.head+i)%len(q.ring)] }

// pop takes the head off: it was answered.
func (q *queue) pop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n > 0 {
		q.popLocked()
	}
	q.cond.Broadcast()
}

func (q *queue) popLocked() {
	e := q.at(0)
	q.answered = e.seq
	*e = expect{}
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	if q.n == 0 {
		// Entries that were pushed and dropped while the server skipped.
		q.answered = q.pushed
	}
}

// dropMarks drops marks of COPY data at the head: outside COPY the server
// ignores what they stand for.
func (q *queue) dropMarks() {
	for q.n > 0 && (q.at(0).kind == expectCopyEnd || q.at(0).kind == expectCopyData) {
		q.popLocked()
	}
}

// beginCopy notes that the server takes COPY data now.
func (q *queue) beginCopy(c *copyIn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.copying = c
	q.cond.Broadcast()
}

// leaveCopy notes that the client has sent all data of a COPY.
func (q *queue) leaveCopy(c *copyIn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.copying == c {
		q.copying = nil
	}
}

// copyNow returns the COPY whose data the client sends, nil for none, and
// whether that is known yet.
func (q *queue) copyNow() (c *copyIn, known bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.copying, q.copyKnown()
}

// waitCopy is copyNow once it is known. What was written to the server must
// have been flushed, with a Flush or Sync behind it.
func (q *queue) waitCopy() *copyIn {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.copyKnown() {
		q.cond.Wait()
	}
	return q.copying
}

func (q *queue) copyKnown() bool {
	return q.copying != nil || q.answered >= q.commands || q.closed
}

// endCopy drops what the server read while it took COPY data for the head:
// every Sync up to the end of the data, which is dropped too. It leaves the
// head itself.
func (q *queue) endCopy() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.copying = nil
	if q.n == 0 {
		return
	}
	head := *q.at(0)
	answered := q.answered
	q.popLocked()
	for q.n > 0 {
		kind := q.at(0).kind
		if kind != expectSync && kind != expectCopyData && kind != expectCopyEnd {
			break
		}
		q.popLocked()
		if kind == expectCopyEnd {
			break
		}
	}
	q.head = (q.head + len(q.ring) - 1) % len(q.ring)
	q.n++
	*q.at(0) = head
	q.answered = answered
}

// fail takes the head off, which was answered by an error, and in the extended
// protocol all that the server skips. copying says that the server was reading
// COPY data: it has then read every Sync that came before the first of them.
func (q *queue) fail(copying bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.cond.Broadcast()
	q.errors++
	q.copying = nil
	if q.n == 0 {
		return
	}
	kind := q.at(0).kind
	if kind == expectQuery || kind == expectSync || kind == expectFunction {
		return // ReadyForQuery follows
	}
	drop(q.at(0))
	q.popLocked()
	for copying && q.n > 0 && q.at(0).kind == expectSync {
		q.popLocked()
	}
	for q.n > 0 && q.at(0).kind != expectSync {
		drop(q.at(0))
		q.popLocked()
	}
	q.skipping = q.n == 0
}

// ready notes a ReadyForQuery, which answers the head.
func (q *queue) ready(status byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.status = status
	if q.n > 0 {
		q.popLocked()
	}
	q.copying = nil
	q.dropMarks()
	q.cond.Broadcast()
}

// close wakes everybody who waits.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.cond.Broadcast()
}

// drop undoes what an entry would have done.
func drop(e *expect) {
	if e.kind == expectParse && e.parse != nil {
		e.parse.undo()
	}
	if e.kind == expectBind && e.portal != nil {
		e.portal.undo()
	}
}

// onlyHead reports whether nothing is expected but the head.
func (q *queue) onlyHead() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n == 1
}

// last returns the number of the last entry that was pushed.
func (q *queue) last() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.pushed
}
