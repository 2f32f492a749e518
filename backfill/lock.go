package backfill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// applyLock is the advisory lock that one Apply holds: "pgveil" in ASCII.
const applyLock int64 = 0x706776656966

const (
	lockNotAvailable = "55P03"
	deadlock         = "40P01"
	uniqueViolation  = "23505"
)

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// alone waits until no other Apply runs in this database. One that was killed
// may live on in the server until its statement ends.
func (j *job) alone(ctx context.Context) error {
	for deadline := time.Now().Add(j.options.LockPatience); ; {
		var ok bool
		if err := j.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, applyLock).Scan(&ok); err != nil {
			return fmt.Errorf("looking for another apply: %w", err)
		}
		if ok {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("another apply is running in this database: wait until it has ended")
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// locked runs f in a transaction that has locked the table, and tries again
// where the lock is not to be had in time. While a lock is waited for,
// everybody else waits behind it, hence the short tries.
func (j *job) locked(ctx context.Context, t *table, f func(pgx.Tx) error) error {
	return j.patiently(ctx, t, func() error {
		return pgx.BeginFunc(ctx, j.conn, func(tx pgx.Tx) error {
			set := fmt.Sprintf(`SET LOCAL lock_timeout = %d`, j.options.LockTimeout.Milliseconds())
			if _, err := tx.Exec(ctx, set); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `LOCK TABLE ONLY `+t.quoted()+` IN ACCESS EXCLUSIVE MODE`); err != nil {
				return err
			}
			return f(tx)
		})
	})
}

// patiently repeats try while it fails for want of a lock.
func (j *job) patiently(ctx context.Context, t *table, try func() error) error {
	wait := 50 * time.Millisecond
	for deadline := time.Now().Add(j.options.LockPatience); ; {
		err := try()
		if state := sqlState(err); state != lockNotAvailable && state != deadlock {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("locking %s, which a long transaction uses: end it and run apply again: %w", t, err)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, 5*time.Second)
	}
}
