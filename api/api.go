// Package api is what pgveil serves over HTTP: whether the process lives
// (/healthz) and whether protected statements can be served (/readyz).
//
// A [Server] asks its [Check]s anew for each request. What it answers is for
// probes and people without any right: the reason in the words that clients
// see, never a cause, a host or a value.
package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/pgveil/pgveil/internal/pgerr"
)

// Check says whether one database can be served.
type Check struct {
	Name string
	// Ready returns nil, or why not. It is called by many goroutines at once.
	Ready func(context.Context) error
}

// Options are what a Server is made of.
type Options struct {
	// Checks returns the checks as they are now. It is called by many goroutines at once.
	Checks func() []Check
	// Log gets what cannot be told to the client; nil for nowhere.
	Log *zap.Logger
}

const (
	// checkTimeout bounds a request for readiness, which may wait for a token or a server.
	checkTimeout = 5 * time.Second
	// requestTimeout bounds reading a request; probes send a few hundred bytes.
	requestTimeout = 5 * time.Second
	maxHeader      = 16 << 10
)

// Server answers health probes. Any number of goroutines may use it.
type Server struct {
	opts Options
	http http.Server
}

// New returns a Server. It starts nothing.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	s := &Server{opts: o}
	s.http = http.Server{
		Handler: s.Handler(), ReadTimeout: requestTimeout, WriteTimeout: requestTimeout + checkTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader, ErrorLog: zap.NewStdLog(o.Log),
	}
	return s
}

// Serve answers at l until ctx is done, and closes it. It may be called once.
// It returns nil after ctx is done.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stopped := context.AfterFunc(ctx, func() { _ = s.http.Close() })
	defer stopped()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Handler returns what Serve serves.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			w.Header().Set("Allow", "GET, HEAD")
			answer(w, http.StatusMethodNotAllowed, map[string]string{"error": "method not allowed"})
			return
		}
		answer(w, http.StatusNotFound, map[string]string{"error": "not found"})
	})
	return mux
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready     bool                `json:"ready"`
	Databases []databaseReadiness `json:"databases"`
}

type databaseReadiness struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	// Code is the entry of docs/ERRORS.md.
	Code   pgerr.Code `json:"code,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	checks := s.opts.Checks()
	slices.SortFunc(checks, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	result := readiness{Ready: true, Databases: make([]databaseReadiness, len(checks))}
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { result.Databases[i] = s.ask(ctx, c) })
	}
	wg.Wait()
	status := http.StatusOK
	for _, d := range result.Databases {
		if !d.Ready {
			result.Ready, status = false, http.StatusServiceUnavailable
		}
	}
	answer(w, status, result)
}

func (s *Server) ask(ctx context.Context, c Check) databaseReadiness {
	err := c.Ready(ctx)
	if err == nil {
		return databaseReadiness{Name: c.Name, Ready: true}
	}
	s.opts.Log.Debug("not ready", zap.String("database", c.Name), zap.Error(err))
	d := databaseReadiness{Name: c.Name, Reason: "keys or catalog cannot be had; the log says why"}
	if e, ok := errors.AsType[*pgerr.Error](err); ok {
		d.Code, d.Reason = e.Code, e.Message
	}
	return d
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone, if this fails
}
