package proxy

// replaceStatement notes what a PREPARE made that has completed at seq: until
// then the name was free.
func (r *registry) replaceStatement(st *statement, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st.reg, st.seq = r, seq
	if st.plan != nil {
		r.planned++
	}
	top := r.statements[st.name]
	if top == nil || top.seq <= seq {
		r.statements[st.name] = st
		return
	}
	for top.prev != nil && top.prev.seq > seq {
		top = top.prev
	}
	top.prev = st
}

// replacePortal notes a cursor whose DECLARE has completed at seq.
func (r *registry) replacePortal(p *portal, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.reg, p.seq = r, seq
	r.planned++
	top := r.portals[p.name]
	if top == nil || top.seq <= seq {
		r.portals[p.name] = p
		return
	}
	for top.prev != nil && top.prev.seq > seq {
		top = top.prev
	}
	top.prev = p
}

// dropPortals forgets all portals and cursors that were made before seq.
func (r *registry) dropPortals(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, p := range r.portals {
		if p.seq <= seq {
			delete(r.portals, name)
		}
	}
}

// expectNames notes that names are being made for what is protected, so that
// SQL is watched for them from now on.
func (r *registry) expectNames(prepares bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned++
	r.prepares = r.prepares || prepares
}

// hasPrepares reports whether SQL has prepared something protected, or tried to.
func (r *registry) hasPrepares() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.prepares
}
