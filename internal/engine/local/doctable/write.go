package doctable

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2"
)

// ident quotes a SQL identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// table is the quoted name of the table.
func (b *Builder) table() string {
	if b.opt.Schema != "" {
		return ident(b.opt.Schema) + "." + ident(b.name)
	}
	return ident(b.name)
}

// storageType is the DuckDB type of a column as it is now.
func (c *column) storageType() string {
	if c.list && c.kind != document {
		return c.kind.sqlType() + "[]"
	}
	return c.kind.sqlType()
}

// flush brings the table's columns up to date and writes the rows that wait.
func (b *Builder) flush() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if err := b.alter(); err != nil {
		return fmt.Errorf("shape table %s: %w", b.name, err)
	}
	if len(b.rows) == 0 {
		return nil
	}
	if err := b.conn.Raw(b.appendRows); err != nil {
		return fmt.Errorf("write table %s: %w", b.name, err)
	}
	b.rows, b.bytes = b.rows[:0], 0
	return nil
}

// alter creates the table, adds new columns and widens old ones.
func (b *Builder) alter() error {
	if !b.created {
		var defs []string
		for _, c := range b.columns {
			defs = append(defs, ident(c.name)+" "+c.storageType())
			c.markWritten()
		}
		if len(defs) == 0 { // a table needs a column, and documents may all be empty
			defs = []string{ident("_empty") + " BOOLEAN"}
			b.placeholder = true
		}
		b.created = true
		return b.exec("CREATE TABLE " + b.table() + " (" + strings.Join(defs, ", ") + ")")
	}
	for _, c := range b.columns {
		var err error
		switch {
		case !c.written:
			err = b.exec("ALTER TABLE " + b.table() + " ADD COLUMN " + ident(c.name) + " " + c.storageType())
		case c.writtenKind.sqlType() != c.kind.sqlType() || c.writtenList != c.list || c.writtenKind != c.kind && c.kind == document:
			err = b.exec("ALTER TABLE " + b.table() + " ALTER COLUMN " + ident(c.name) + " TYPE " + c.storageType() + " USING " + c.widening())
		}
		if err != nil {
			return err
		}
		c.markWritten()
	}
	return nil
}

func (b *Builder) exec(query string) error {
	_, err := b.conn.ExecContext(b.ctx, query)
	return err
}

func (c *column) markWritten() {
	c.written, c.writtenKind, c.writtenList = true, c.kind, c.list
}

// widening is SQL that turns what is stored into the column's new type.
func (c *column) widening() string {
	old := ident(c.name)
	switch {
	case c.kind == document:
		return "CAST(to_json(" + old + ") AS VARCHAR)"
	case c.list && !c.writtenList:
		return "CASE WHEN " + old + " IS NOT NULL THEN [CAST(" + old + " AS " + c.kind.sqlType() + ")] END"
	}
	return "CAST(" + old + " AS " + c.storageType() + ")"
}

// appendRows writes the waiting rows through an appender.
func (b *Builder) appendRows(conn any) (err error) {
	driverConn, ok := conn.(driver.Conn)
	if !ok {
		return errors.New("not a connection to DuckDB")
	}
	app, err := duckdb.NewAppenderFromConn(driverConn, b.opt.Schema, b.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	width := len(b.columns)
	offset := 0
	if b.placeholder {
		offset = 1
	}
	args := make([]driver.Value, width+offset)
	for _, row := range b.rows {
		for i, c := range b.columns {
			args[i+offset] = nil
			if i < len(row) && row[i] != nil {
				args[i+offset] = c.convert(row[i])
			}
		}
		if err := app.AppendRow(args...); err != nil {
			return err
		}
	}
	return nil
}

// convert brings a kept value to the column's type.
func (c *column) convert(v any) any {
	if c.kind == document {
		return string(jsonOf(v))
	}
	if !c.list {
		return convertOne(v, c.kind)
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = convertOne(e, c.kind)
	}
	return out
}

func convertOne(v any, k kind) any {
	switch x := v.(type) {
	case moment:
		if k.temporal() {
			return x.at
		}
		return x.text
	case int64:
		if k == floats || k == doubles {
			return float64(x)
		}
		if k.integer() {
			return x
		}
	case float64:
		if k == floats || k == doubles {
			return x
		}
	case bool:
		if k == boolean {
			return x
		}
	case string:
		return x
	}
	return plain(v)
}
