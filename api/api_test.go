package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pgveil/pgveil/api"
	"github.com/pgveil/pgveil/internal/pgerr"
)

func ready(context.Context) error { return nil }

func checks(all ...api.Check) *api.Server {
	return api.New(api.Options{Checks: func() []api.Check { return all }})
}

func get(t *testing.T, s *api.Server, method, path string) (int, http.Header, any) {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	var body any
	if text := w.Body.Bytes(); len(text) > 0 {
		if err := json.Unmarshal(text, &body); err != nil {
			t.Fatalf("%s %s: %s is no JSON: %v", method, path, text, err)
		}
	}
	return w.Code, w.Header(), body
}

func TestHealthz_saysThatTheProcessLives(t *testing.T) {
	s := checks(api.Check{Name: "a", Ready: func(context.Context) error { return errors.New("no") }})
	status, header, body := get(t, s, "GET", "/healthz")
	if status != 200 || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET /healthz = %d, %v, want 200, JSON, not stored", status, header)
	}
	if diff := cmp.Diff(any(map[string]any{"status": "ok"}), body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestReadyz_isReadyWhenAllAre(t *testing.T) {
	status, _, body := get(t, checks(api.Check{Name: "b", Ready: ready}, api.Check{Name: "a", Ready: ready}), "GET", "/readyz")
	want := any(map[string]any{"ready": true, "databases": []any{
		map[string]any{"name": "a", "ready": true}, map[string]any{"name": "b", "ready": true},
	}})
	if diff := cmp.Diff(want, body); status != 200 || diff != "" {
		t.Errorf("GET /readyz = %d, body (-want +got):\n%s", status, diff)
	}
}

func TestReadyz_withoutDatabasesIsReady(t *testing.T) {
	status, _, body := get(t, checks(), "GET", "/readyz")
	if diff := cmp.Diff(any(map[string]any{"ready": true, "databases": []any{}}), body); status != 200 || diff != "" {
		t.Errorf("GET /readyz = %d, body (-want +got):\n%s", status, diff)
	}
}

// A cause may hold a host or a user; only what clients may see is told.
func TestReadyz_tellsTheReasonWithoutItsCause(t *testing.T) {
	s := checks(
		api.Check{Name: "a", Ready: ready},
		api.Check{Name: "b", Ready: func(context.Context) error {
			return fmt.Errorf("keyset x: %w", &pgerr.Error{
				State: "58000", Code: pgerr.KeysAway, Message: "keys cannot be had", Detail: "secret detail", Cause: errors.New("dial 10.0.0.7"),
			})
		}},
		api.Check{Name: "c", Ready: func(context.Context) error { return errors.New("dial 10.0.0.7 as pgveil") }},
	)
	status, _, body := get(t, s, "GET", "/readyz")
	want := any(map[string]any{"ready": false, "databases": []any{
		map[string]any{"name": "a", "ready": true},
		map[string]any{"name": "b", "ready": false, "code": "keys-away", "reason": "keys cannot be had"},
		map[string]any{"name": "c", "ready": false, "reason": "keys or catalog cannot be had; the log says why"},
	}})
	if diff := cmp.Diff(want, body); status != 503 || diff != "" {
		t.Errorf("GET /readyz = %d, body (-want +got):\n%s", status, diff)
	}
}

// Checks run beside one another, and each has a deadline.
func TestReadyz_asksAllAtOnce(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	meet := func(mine, other chan struct{}) func(context.Context) error {
		return func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				return errors.New("no deadline")
			}
			close(mine)
			select {
			case <-other:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	status, _, body := get(t, checks(api.Check{Name: "a", Ready: meet(first, second)}, api.Check{Name: "b", Ready: meet(second, first)}), "GET", "/readyz")
	if status != 200 {
		t.Errorf("GET /readyz = %d, %v, want 200", status, body)
	}
}

func TestOtherRequests(t *testing.T) {
	for request, want := range map[string]int{
		"HEAD /healthz": 200, "POST /healthz": 405, "DELETE /readyz": 405, "GET /": 404, "GET /metrics": 404, "GET /healthz/x": 404,
	} {
		method, path, _ := strings.Cut(request, " ")
		status, header, _ := get(t, checks(), method, path)
		if status != want {
			t.Errorf("%s = %d, want %d", request, status, want)
		}
		if status == 405 && header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow = %q, want GET, HEAD", request, header.Get("Allow"))
		}
	}
}

func TestServe_endsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- checks().Serve(ctx, l) }()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + l.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if got := strings.TrimSpace(string(body)); got != `{"status":"ok"}` {
		t.Errorf("GET /healthz = %s", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if _, err := client.Get("http://" + l.Addr().String() + "/healthz"); err == nil {
		t.Error("GET /healthz after Serve ended = nil, want an error")
	}
}

func TestServe_reportsABrokenListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := checks().Serve(t.Context(), l); err == nil {
		t.Error("Serve with a closed listener = nil, want an error")
	}
}
