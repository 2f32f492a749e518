package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgveil/pgveil/internal/testkit/registry"
)

// showViews prints the same rows as three users see them.
func showViews(ctx context.Context, s *stage, c *connections, people []registry.Person) error {
	ids := fmt.Sprintf("%d, %d, %d", people[0].ID, people[len(people)/2].ID, people[len(people)-1].ID)
	query := `SELECT p.id, p.name, p.birthdate, p.phone, i.value AS national_id, b.acc_number, e.code AS voucher, e.initial_amount AS amount
FROM res_partner p
JOIN g2p_reg_id i ON i.partner_id = p.id
JOIN res_partner_bank b ON b.partner_id = p.id
JOIN g2p_entitlement e ON e.partner_id = p.id
WHERE p.id IN (` + ids + ") ORDER BY p.id"
	fmt.Fprintf(s.out, "\nThe same statement, three times:\n\n%s\n", query)
	for _, view := range []struct {
		who  string
		conn *pgx.Conn
	}{
		{"registrar (user odoo, through pgveil): works with people, sees masks", c.registrar},
		{"decrypt-fields (user odoo_admin, through pgveil): sees what is written", c.reader},
		{"database administrator (superuser postgres, on the server itself): sees sealed values", c.administrator},
	} {
		fmt.Fprintf(s.out, "\n%s\n", view.who)
		if err := s.printQuery(ctx, view.conn, query); err != nil {
			return err
		}
	}
	return nil
}

// showSearch finds a person by phone, and shows what the server was asked.
func showSearch(ctx context.Context, s *stage, c *connections, people []registry.Person) error {
	p := people[len(people)/3]
	query := fmt.Sprintf("SELECT id, name, phone, birthdate FROM res_partner WHERE phone = '%s'", p.Phone)
	fmt.Fprintf(s.out, "\nFinding by phone, as registrar:\n\n%s\n", query)
	if err := s.printQuery(ctx, c.registrar, query); err != nil {
		return err
	}
	log, err := os.ReadFile(s.pg.LogFile)
	if err != nil {
		return err
	}
	const mark = "LOG:  statement: "
	if i := strings.LastIndex(string(log), mark+"SELECT id, name, phone"); i >= 0 {
		asked, _, _ := strings.Cut(string(log[i+len(mark):]), "\n")
		fmt.Fprintf(s.out, "\nWhat the server logged of it:\n\n%s\n", asked)
	}
	return nil
}

// showGuard tries to store plaintext past pgveil.
func showGuard(ctx context.Context, s *stage, c *connections, people []registry.Person) error {
	const insert = "INSERT INTO g2p_phone_number (partner_id, phone_no) VALUES (1, '+251 911 000 000')"
	fmt.Fprintf(s.out, "\nStoring plaintext past pgveil, as superuser on the server:\n\n%s\n", insert)
	_, err := c.administrator.Exec(ctx, insert)
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("the guard did not refuse plaintext: %v", err)
	}
	fmt.Fprintf(s.out, "ERROR %s: %s\n", e.Code, e.Message)

	const sort = "SELECT name FROM res_partner WHERE name LIKE 'A%'"
	fmt.Fprintf(s.out, "\nWhat this version does not cover is refused, never answered wrongly:\n\n%s\n", sort)
	_, err = c.registrar.Exec(ctx, sort)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		fmt.Fprintf(s.out, "ERROR %s: %s\nDETAIL: %s\nHINT: %s\n", e.Code, e.Message, e.Detail, e.Hint)
	} else {
		return fmt.Errorf("%s was not refused: %v", sort, err)
	}
	return nil
}

// showFiles searches everything that the server wrote, after the show: even
// the person that was found by phone must not be in its log.
func showFiles(ctx context.Context, s *stage, _ *connections, people []registry.Person) error {
	planter, values := searchable(people)
	leaks, err := planter.Search(ctx, s.pg, s.log)
	if err != nil {
		return fmt.Errorf("searching the server's files: %w", err)
	}
	for _, leak := range leaks {
		fmt.Fprintln(s.out, "FOUND", leak)
	}
	if len(leaks) > 0 {
		return fmt.Errorf("%d values were found in clear", len(leaks))
	}
	fmt.Fprintf(s.out, "\nSearched tables, indexes, WAL, the server's log, a dump and pgveil's log for %d phones, e-mails,\nnumbers and voucher codes, in five encodings: none is there.\n", values)
	return nil
}

func (s *stage) printCommands(p registry.Person, keep bool) {
	fmt.Fprint(s.out, "\nTo go on by hand")
	if !keep {
		fmt.Fprint(s.out, ", start it with `make demo KEEP=1`, then")
	}
	host, port, _ := strings.Cut(s.listen, ":")
	direct, directPort, _ := strings.Cut(s.pg.Addr(), ":")
	fmt.Fprintf(s.out, `:

psql -h %[1]s -p %[2]s -U odoo %[5]s          # as registrar
psql -h %[1]s -p %[2]s -U odoo_admin %[5]s    # as decrypt-fields
psql -h %[3]s -p %[4]s -U postgres %[5]s     # the server itself

    SELECT id, name, phone, birthdate, address FROM res_partner LIMIT 5;
    SELECT * FROM res_partner WHERE email = '%[6]s';
    UPDATE res_partner SET phone = '+251 912345678' WHERE id = 1;
    SELECT p.name, n.phone_no FROM res_partner p JOIN g2p_phone_number n ON n.phone_no = p.phone LIMIT 5;
    SELECT * FROM g2p_entitlement WHERE code = '%[7]s';
`, host, port, direct, directPort, database, p.Email, p.Voucher)
}

// printQuery prints a result as psql would, values cut to what fits.
func (s *stage) printQuery(ctx context.Context, conn *pgx.Conn, query string) error {
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return fmt.Errorf("%.60s…: %w", query, explain(err))
	}
	const widest = 21
	var lines [][]string
	var head []string
	for _, f := range results[0].FieldDescriptions {
		head = append(head, f.Name)
	}
	lines = append(lines, head)
	for _, values := range results[0].Rows {
		line := make([]string, len(values))
		for i, v := range values {
			line[i] = shorten(string(v), widest)
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(head))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		for i, cell := range line {
			line[i] = cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		}
		fmt.Fprintln(s.out, " "+strings.Join(line, " | "))
		if n == 0 {
			for i, w := range widths {
				line[i] = strings.Repeat("-", w)
			}
			fmt.Fprintln(s.out, "-"+strings.Join(line, "-+-")+"-")
		}
	}
	return nil
}

func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

// explain adds what PostgreSQL's errors say beyond their message.
func explain(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("%w; %s; %s", err, e.Detail, e.Hint)
	}
	return err
}
