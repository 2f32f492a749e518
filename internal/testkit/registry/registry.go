// Package registry invents a registry of people for the demonstration and for
// tests that need many rows: individuals with their households, identities,
// phones, bank accounts and vouchers, in the tables of OpenG2P on Odoo 17.
//
// The same number of people always gives the same registry. Nobody in it
// exists; names are common ones put together by chance.
package registry

import (
	_ "embed"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Schema creates the tables.
//
//go:embed schema.sql
var Schema string

// Person is an individual.
type Person struct {
	ID                  int
	Given, Family       string
	Email, Phone        string
	Birthdate           string
	Gender, Address     string
	Income              float64
	NationalID, Account string
	Voucher             string
	// Household is the ID of the group.
	Household int
}

// Name is the name as Odoo stores it: "FAMILY, GIVEN".
func (p Person) Name() string { return strings.ToUpper(p.Family + ", " + p.Given) }

// householdSize is how many people share a household.
const householdSize = 4

// People invents n individuals, with IDs from 1; n is below 99,991.
func People(n int) []Person {
	r := rand.New(rand.NewPCG(2024, 10))
	of := languages()
	people := make([]Person, n)
	for i := range people {
		people[i] = invent(r, of[r.IntN(len(of))], i+1)
		people[i].Household = n + 1 + i/householdSize
	}
	return people
}

func invent(r *rand.Rand, l people, id int) Person {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	p := Person{ID: id, Given: pick(l.given), Family: pick(l.family)}
	// What identifies somebody ends in a number that nobody else has.
	own := id * 48271 % 99991
	p.Phone = fmt.Sprintf("+%s 9%0*d%05d", l.country, l.digits-6, r.IntN(1000), own)
	p.Email = fmt.Sprintf("p%d.%d@%s", id, r.IntN(1000), l.domain)
	born := time.Date(1935, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, r.IntN(85*365))
	p.Birthdate = born.Format(time.DateOnly)
	p.Gender = pick([]string{"Female", "Male"})
	p.Address = fmt.Sprintf("%s, %d", pick(l.places), 1+r.IntN(400))
	p.Income = float64(r.IntN(40000)) / 4
	p.NationalID = fmt.Sprintf("%04d-%04d-%04d", r.IntN(10000), own/10000, own%10000)
	p.Account = fmt.Sprintf("ET%02d 1000 %04d %04d", r.IntN(100), own/10000, own%10000)
	p.Voucher = fmt.Sprintf("%04x-%04x-%04x-%05x", r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16), own)
	return p
}

// Inserts returns the statements that store the people with all that belongs
// to them, in an order that foreign keys allow, with up to rows rows each.
func Inserts(people []Person, rows int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, t := range tables() {
			if !t.inserts(people, rows, yield) {
				return
			}
		}
	}
}

// table says how people become rows of a table.
type table struct {
	name, columns string
	row           func(Person) string // the values in parentheses; "" for none
}

func tables() []table {
	return []table{
		{"res_partner", "id, name, complete_name, is_registrant, is_group, registration_date, create_date", func(p Person) string {
			if (p.ID-1)%householdSize != 0 {
				return ""
			}
			name := quote("Household of " + p.Given + " " + p.Family)
			return fmt.Sprintf("(%d, %s, %s, true, true, '2024-01-15', '2024-01-15 08:00:00')", p.Household, name, name)
		}},
		{
			"res_partner", `id, name, complete_name, family_name, given_name, email, phone, birthdate, gender, address, income, additional_g2p_info, is_registrant, is_group, registration_date, create_date`,
			func(p Person) string {
				name := quote(p.Name())
				return fmt.Sprintf("(%d, %s, %s, %s, %s, %s, %s, '%s', '%s', %s, %s, %s, true, false, '2024-01-15', '2024-01-15 08:00:00')",
					p.ID, name, name, quote(p.Family), quote(p.Given), quote(p.Email), quote(p.Phone), p.Birthdate, p.Gender,
					quote(p.Address), strconv.FormatFloat(p.Income, 'f', -1, 64), quote(fmt.Sprintf(`{"rooms": %d, "disability": %t}`, p.ID%5+1, p.ID%17 == 0)))
			},
		},
		{"g2p_reg_id", "partner_id, id_type, value, status", func(p Person) string {
			return fmt.Sprintf("(%d, 1, %s, 'valid')", p.ID, quote(p.NationalID))
		}},
		{"g2p_phone_number", "partner_id, phone_no, phone_sanitized, date_collected", func(p Person) string {
			return fmt.Sprintf("(%d, %s, %s, '2024-01-15')", p.ID, quote(p.Phone), quote(strings.ReplaceAll(p.Phone, " ", "")))
		}},
		{"res_partner_bank", "partner_id, acc_number, sanitized_acc_number, acc_holder_name", func(p Person) string {
			return fmt.Sprintf("(%d, %s, %s, %s)", p.ID, quote(p.Account), quote(strings.ReplaceAll(p.Account, " ", "")), quote(p.Name()))
		}},
		{"g2p_group_membership", `"group", individual, is_ended, start_date`, func(p Person) string {
			return fmt.Sprintf("(%d, %d, false, '2024-01-15 08:00:00')", p.Household, p.ID)
		}},
		{"g2p_entitlement", "partner_id, cycle_id, code, ern, state, initial_amount, valid_until", func(p Person) string {
			return fmt.Sprintf("(%d, 1, %s, '%010d', 'approved', %d, '2025-12-31')", p.ID, quote(p.Voucher), p.ID*7919, 500+p.ID%10*50)
		}},
	}
}

// inserts reports whether yield wants more.
func (t table) inserts(people []Person, rows int, yield func(string) bool) bool {
	var pending []string
	flush := func() bool {
		if len(pending) == 0 {
			return true
		}
		sql := "INSERT INTO " + t.name + " (" + t.columns + ") VALUES\n" + strings.Join(pending, ",\n")
		pending = pending[:0]
		return yield(sql)
	}
	for _, p := range people {
		if row := t.row(p); row != "" {
			pending = append(pending, row)
		}
		if len(pending) == rows && !flush() {
			return false
		}
	}
	return flush()
}

// quote makes a string literal, for standard_conforming_strings on.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
