package proxy

import (
	"testing"
	"time"
)

// kinds returns what the queue expects, in order.
func (q *queue) kinds() []expectKind {
	q.mu.Lock()
	defer q.mu.Unlock()
	var kinds []expectKind
	for i := range q.n {
		kinds = append(kinds, q.at(i).kind)
	}
	return kinds
}

func pushAll(q *queue, kinds ...expectKind) {
	for _, k := range kinds {
		q.push(expect{kind: k})
	}
}

func expectKinds(t *testing.T, q *queue, want ...expectKind) {
	t.Helper()
	got := q.kinds()
	if len(got) != len(want) {
		t.Fatalf("the queue expects %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("the queue expects %v, want %v", got, want)
		}
	}
}

func TestQueue_growsAroundItsEnds(t *testing.T) {
	q := newQueue('I')
	next := uint64(1)
	for i := range 1000 {
		q.push(expect{kind: expectBind})
		if i%3 == 0 {
			var e expect
			if !q.peek(&e) || e.seq != next {
				t.Fatalf("the head is %d, want %d", e.seq, next)
			}
			next++
			q.pop()
		}
	}
	for q.n > 0 {
		var e expect
		if !q.peek(&e) || e.seq != next {
			t.Fatalf("the head is %d, want %d", e.seq, next)
		}
		next++
		q.pop()
	}
	if next != 1001 {
		t.Errorf("the queue gave %d entries back, want 1000", next-1)
	}
}

func TestQueue_errorSkipsToSync(t *testing.T) {
	q := newQueue('I')
	pushAll(q, expectParse, expectBind, expectExecute, expectSync, expectParse)
	q.fail(false)
	expectKinds(t, q, expectSync, expectParse)

	q = newQueue('I')
	pushAll(q, expectBind, expectExecute)
	q.fail(false)
	expectKinds(t, q)
	if !q.isAnswered(2) {
		t.Error("what the server skips is waited for")
	}
	pushAll(q, expectParse, expectQuery)
	expectKinds(t, q)
	if !q.isAnswered(4) || !q.isSkipping() {
		t.Error("what is sent while the server skips is waited for")
	}
	pushAll(q, expectSync, expectParse)
	expectKinds(t, q, expectSync, expectParse)
}

func TestQueue_errorOfAQueryLeavesItsReady(t *testing.T) {
	q := newQueue('I')
	pushAll(q, expectQuery, expectParse)
	q.fail(false)
	expectKinds(t, q, expectQuery, expectParse)
	q.ready('E')
	expectKinds(t, q, expectParse)
	if status, quiet, errors := q.state(); status != 'E' || quiet || errors != 1 {
		t.Errorf("state = %c, %t, %d, want E, false, 1", status, quiet, errors)
	}
}

func TestQueue_undoesWhatWasSkipped(t *testing.T) {
	q, r := newQueue('I'), newRegistry()
	old := &statement{name: "s"}
	r.addStatement(old)
	old.commit()
	failed, skipped, later := &statement{name: "s"}, &statement{name: "s"}, &statement{name: "t"}
	r.addStatement(failed)
	q.push(expect{kind: expectParse, parse: failed})
	r.addStatement(skipped)
	q.push(expect{kind: expectParse, parse: skipped})
	q.fail(false)
	if got := r.statement([]byte("s")); got != old {
		t.Errorf("after a failed Parse the name means %p, want what it was, %p", got, old)
	}
	r.addStatement(later)
	q.push(expect{kind: expectParse, parse: later}) // the server skips
	if r.statement([]byte("t")) != nil {
		t.Error("a Parse that the server skips has made a statement")
	}
}

func TestQueue_copyTakesTheSyncsOfItsData(t *testing.T) {
	// Execute, an early Sync, data, the end, and the Sync that counts.
	q := newQueue('I')
	pushAll(q, expectExecute, expectSync, expectCopyData, expectSync, expectCopyEnd, expectSync)
	q.endCopy()
	expectKinds(t, q, expectExecute, expectSync)

	q = newQueue('I')
	pushAll(q, expectExecute, expectSync, expectCopyData, expectCopyEnd, expectSync)
	q.fail(true) // an error within the data: the first Sync was read, the last was not
	expectKinds(t, q, expectSync)

	q = newQueue('I')
	pushAll(q, expectQuery, expectCopyData, expectCopyEnd, expectQuery)
	q.endCopy()
	expectKinds(t, q, expectQuery, expectQuery)

	q = newQueue('I')
	pushAll(q, expectCopyData, expectCopyEnd, expectSync) // COPY data that nobody asked for
	var e expect
	if !q.peek(&e) || e.kind != expectSync {
		t.Errorf("the head is %v, want Sync", e.kind)
	}
}

func TestQueue_closeWakesWhoWaits(t *testing.T) {
	q := newQueue('I')
	seq, _ := q.push(expect{kind: expectBind})
	woken := make(chan bool)
	go func() { woken <- q.waitAnswered(seq) }()
	q.close()
	select {
	case ok := <-woken:
		if ok {
			t.Error("waitAnswered = true for a session that has ended")
		}
	case <-time.After(wait):
		t.Fatal("waitAnswered does not return after close")
	}
}

func TestRegistry_undoInTheMiddle(t *testing.T) {
	r := newRegistry()
	a, b, c := &statement{name: "s"}, &statement{name: "s"}, &statement{name: "s"}
	for _, st := range []*statement{a, b, c} {
		r.addStatement(st)
	}
	b.undo()
	if got := r.statement([]byte("s")); got != c {
		t.Errorf("the name means %p, want the last, %p", got, c)
	}
	c.undo()
	if got := r.statement([]byte("s")); got != a {
		t.Errorf("the name means %p, want the first, %p", got, a)
	}
	a.undo()
	if r.statement([]byte("s")) != nil {
		t.Error("the name still means something")
	}
}

func TestRegistry_portalsEndWithTheirTransaction(t *testing.T) {
	r := newRegistry()
	p, later := &portal{name: "p", seq: 3}, &portal{name: "later", seq: 9}
	r.addPortal(p)
	r.addPortal(later)
	r.endTransaction(5)
	if r.portal([]byte("p")) != nil || r.portal([]byte("later")) != later {
		t.Error("endTransaction(5) drops other portals than those made before")
	}
	hiding := &portal{name: "later", seq: 10}
	r.addPortal(hiding)
	hiding.undo()
	if r.portal([]byte("later")) != later {
		t.Error("undo of a portal does not bring the hidden one back")
	}
}

func TestRegistry_dropsOnlyWhatWasThere(t *testing.T) {
	r := newRegistry()
	old := &statement{name: "old", seq: 1}
	unnamed := &statement{name: "", seq: 2}
	later := &statement{name: "later", seq: 9}
	for _, st := range []*statement{old, unnamed, later} {
		r.addStatement(st)
	}
	r.dropStatements(5)
	if r.statement([]byte("old")) != nil || r.statement([]byte("later")) != later || r.statement(nil) != unnamed {
		t.Error("DEALLOCATE ALL drops other statements than the named ones before it")
	}
	r.dropStatement("later", 5)
	if r.statement([]byte("later")) != later {
		t.Error("a Close drops a statement that was prepared after it")
	}
}
