package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	duckdb "github.com/duckdb/duckdb-go/v2"
	"github.com/duckdb/duckdb-go/v2/mapping"
)

// DB is one DuckDB instance in memory; files are attached to it. It is safe for concurrent use.
type DB struct {
	goSide *sql.DB          // owns the instance; functions are registered through it
	db     mapping.Database // the same instance's handle
	mu     sync.Mutex
	idle   []*Conn
	closed bool
}

// maxIdle bounds the connections kept for reuse: as many as calls usually run at once.
const maxIdle = 8

// Setting is a DuckDB setting given at set-up.
type Setting struct{ Name, Value string }

// Open starts an instance with the settings, applied in order; a Setting named "" is run as a statement. Register, if not nil,
// adds functions written in Go before the last settings lock the instance: settings are applied after it.
func Open(ctx context.Context, settings []Setting, register func(ctx context.Context, c *sql.Conn) error) (*DB, error) {
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return nil, fmt.Errorf("open duckdb: %w", err)
	}
	d := &DB{goSide: sql.OpenDB(connector)}
	d.goSide.SetMaxIdleConns(1)
	// duckdb-go keeps the instance's handle to itself and its instance cache knows no instance in memory, so the handle is
	// read from the connector's field; the check below is what a new version of duckdb-go would meet.
	handle := reflect.ValueOf(connector).Elem().FieldByName("db")
	if !handle.IsValid() || handle.Kind() != reflect.Struct || !handle.FieldByName("Ptr").IsValid() {
		return nil, errors.Join(errors.New("open duckdb: this version of duckdb-go has another connector"), d.goSide.Close())
	}
	d.db = mapping.Database{Ptr: handle.FieldByName("Ptr").UnsafePointer()}
	if err := d.setUp(ctx, settings, register); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *DB) setUp(ctx context.Context, settings []Setting, register func(ctx context.Context, c *sql.Conn) error) error {
	if register != nil {
		c, err := d.goSide.Conn(ctx)
		if err != nil {
			return fmt.Errorf("open duckdb: %w", err)
		}
		err = register(ctx, c)
		if err = errors.Join(err, c.Close()); err != nil {
			return fmt.Errorf("register functions: %w", err)
		}
	}
	c, err := d.Conn()
	if err != nil {
		return err
	}
	defer d.Release(c)
	for _, s := range settings {
		stmt := s.Value
		if s.Name != "" {
			stmt = "SET GLOBAL " + s.Name + " = " + s.Value
		}
		if err := c.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return nil
}

// SQL returns a connection of database/sql to the same instance, for code that speaks it. Close it to give it back.
func (d *DB) SQL(ctx context.Context) (*sql.Conn, error) { return d.goSide.Conn(ctx) }

// Conn returns an idle connection or a new one. Give it back with Release.
func (d *DB) Conn() (*Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("duckdb is closed")
	}
	if n := len(d.idle); n > 0 {
		c := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return c, nil
	}
	c := &Conn{}
	if mapping.Connect(d.db, &c.conn) == mapping.StateError {
		return nil, errors.New("connect to duckdb: refused")
	}
	return c, nil
}

// Release gives a connection back.
func (d *DB) Release(c *Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= maxIdle {
		mapping.Disconnect(&c.conn)
		return
	}
	d.idle = append(d.idle, c)
}

// Close ends the instance once its connections are released.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	for _, c := range slices.Backward(d.idle) {
		mapping.Disconnect(&c.conn)
	}
	d.idle = nil
	if err := d.goSide.Close(); err != nil {
		return fmt.Errorf("close duckdb: %w", err)
	}
	return nil
}

// Conn is one connection: one statement at a time.
type Conn struct {
	conn mapping.Connection
}

// Exec runs statements that answer no rows worth reading. It is interrupted when ctx is done.
func (c *Conn) Exec(ctx context.Context, stmts string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := c.watch(ctx)
	var res mapping.Result
	state := mapping.Query(c.conn, stmts, &res)
	stop()
	defer mapping.DestroyResult(&res)
	if state == mapping.StateError {
		return cause(ctx, mapping.ResultError(&res))
	}
	return nil
}

// watch interrupts the connection when ctx is done; the function returned ends the watch and waits for its end, so that an
// interrupt never meets the next statement.
func (c *Conn) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
			mapping.Interrupt(c.conn)
		case <-done:
		}
	}()
	return sync.OnceFunc(func() { close(done); <-ended })
}

// cause turns DuckDB's message into an error; a statement that was interrupted because ctx is done fails with ctx's error.
func cause(ctx context.Context, msg string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return &Error{Message: strings.TrimSpace(msg)}
}

// Error is DuckDB's refusal of a statement, in its own words ("Binder Error: ...").
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Kind returns the words before the first " Error:", lower case: "binder", "out of memory", "" if there are none.
func (e *Error) Kind() string {
	kind, _, ok := strings.Cut(e.Message, " Error:")
	if !ok {
		return ""
	}
	return strings.ToLower(kind)
}

// Ident quotes an identifier.
func Ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Literal quotes a string.
func Literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
