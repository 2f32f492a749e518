package rewrite

import (
	"fmt"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/rewrite/catalog"
)

// refuse records why the statement cannot be planned. The first reason stays;
// the binder goes on harmlessly, and what it makes is thrown away.
func (b *binder) refuse(e *pgerr.Error) {
	if b.refusal == nil {
		b.refusal = e
	}
}

// unsupported refuses a construct that no rule covers.
func (b *binder) unsupported(what string, p *catalog.Protected) {
	e := &pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Unsupported,
		Message: "cannot use " + what + " here",
		Detail:  "The statement reaches a protected relation, and pgveil has no rule for this construct that keeps the answer right.",
		Hint:    "Leave protected columns out of it, or write it with comparisons, joins and subqueries that docs/SQL.md lists.",
	}
	if p != nil {
		e.Message = fmt.Sprintf("cannot use protected column %s in %s", p.Column, what)
		e.Detail = "The server holds sealed values only, and pgveil has no rule for this construct that keeps the answer right."
		at(e, p)
	}
	b.refuse(e)
}

// at fills the fields that drivers read.
func at(e *pgerr.Error, p *catalog.Protected) *pgerr.Error {
	e.Schema, e.Table, e.Column = p.Column.Schema, p.Column.Table, p.Column.Name
	return e
}

func (b *binder) noEquality(p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.NoEquality,
		Message: fmt.Sprintf("cannot compare protected column %s", p.Column),
		Detail:  "The policy gives it no equality search.",
		Hint:    "Filter on another column, or add search: [equality] in the policy and run pgveil apply.",
	}, p))
}

func (b *binder) otherDomain(l, r *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.OtherDomain,
		Message: fmt.Sprintf("cannot compare or copy between protected columns %s and %s", l.Column, r.Column),
		Detail:  "They are in different domains, so equal values have different terms.",
		Hint:    "Give both columns the same domain in the policy and run pgveil apply.",
	}, l))
}

func (b *binder) sealedWithPlain(p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.SealedWithPlain,
		Message: fmt.Sprintf("cannot compare protected column %s with an expression that the server computes", p.Column),
		Detail:  "The server cannot compute the search term of a value that it computes itself.",
		Hint:    "Compare with a literal, a parameter or a column of the same domain.",
	}, p))
}

func (b *binder) mayNot(what string, p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateForbidden,
		Code:    pgerr.Forbidden,
		Message: fmt.Sprintf("permission denied to %s protected column %s", what, p.Column),
		Detail:  "The roles that the policy gives to this session do not allow it.",
		Hint:    "Use a database user of a role that may, or change the column's access in the policy.",
	}, p))
}

func (b *binder) copyToPlain(target string, p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.CopyToPlain,
		Message: fmt.Sprintf("cannot copy protected column %s into unprotected column %s", p.Column, target),
		Detail:  "The copy would leave the protection of the policy.",
		Hint:    "Protect the target column with the same domain in the policy and run pgveil apply.",
	}, p))
}

func (b *binder) computedValue(p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.ComputedValue,
		Message: fmt.Sprintf("cannot store a computed value in protected column %s", p.Column),
		Detail:  "The server would compute it in clear, and pgveil could not seal it.",
		Hint:    "Compute the value in the application and write it as a literal or a parameter.",
	}, p))
}

func (b *binder) unclear(name string) {
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.UnclearName,
		Message: fmt.Sprintf("column reference %q may mean a protected column or another", name),
		Detail:  "More than one item of the FROM clause can have a column of that name.",
		Hint:    "Qualify the column with its table's name or alias.",
	})
}

func (b *binder) tainted(kind, name, reason string) {
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Tainted,
		Message: fmt.Sprintf("cannot use %s %q", kind, name),
		Detail:  reason,
		Hint:    "Use the protected tables themselves, or run pgveil check to see what stands in the way.",
	})
}

func (b *binder) notReady(p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.NotApplied,
		Message: fmt.Sprintf("protected column %s is not sealed yet", p.Column),
		Detail:  "The policy protects it, but pgveil apply has not finished sealing its rows.",
		Hint:    "Run pgveil apply with this configuration.",
	}, p))
}

func internalRefusal(what string) *pgerr.Error {
	return &pgerr.Error{
		State:   pgerr.StateInternal,
		Code:    pgerr.Internal,
		Message: "internal error: " + what,
		Detail:  "The statement was not sent.",
		Hint:    "Please report it with the statement's shape.",
	}
}

func ambiguousParam(name string) *pgerr.Error {
	return &pgerr.Error{
		State:   "42P08",
		Code:    pgerr.AmbiguousParameter,
		Message: "inconsistent types deduced for parameter " + name,
		Detail:  "It is used for protected columns of different types, or for a protected column and an expression that the server types.",
		Hint:    "Use one parameter for each, or declare the parameter's type.",
	}
}

// undefinedColumn answers as PostgreSQL does. The statement is not sent: the
// server would write it into its log, with a value that was meant for a
// protected column whose name was mistyped.
func (b *binder) undefinedColumn(name string) {
	b.refuse(&pgerr.Error{
		State:   "42703",
		Code:    pgerr.UndefinedColumn,
		Message: fmt.Sprintf("column %q does not exist", name),
		Detail:  "No relation of the statement has a column of that name.",
		Hint:    "Check the spelling. If the column is new, try again in a moment.",
	})
}

// ambiguousColumn answers as PostgreSQL does, for the same reason as undefinedColumn.
func (b *binder) ambiguousColumn(name string) {
	b.refuse(&pgerr.Error{
		State:   "42702",
		Code:    pgerr.AmbiguousColumn,
		Message: fmt.Sprintf("column reference %q is ambiguous", name),
		Hint:    "Qualify the column with its table's name or alias.",
	})
}

func (b *binder) tooManyValues() {
	b.refuse(&pgerr.Error{
		State:   "42601",
		Code:    pgerr.TooManyValues,
		Message: "there are more expressions than target columns",
		Hint:    "Name as many columns as there are values.",
	})
}

// unevenRows answers as PostgreSQL does. The statement is not sent: the value
// that is too many may be one that was meant for a protected column.
func (b *binder) unevenRows() {
	b.refuse(&pgerr.Error{
		State:   "42601",
		Code:    pgerr.TooManyValues,
		Message: "VALUES lists must all be the same length",
		Hint:    "Give every row as many values.",
	})
}

func (b *binder) backslashStrings() {
	b.refuse(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.BackslashStrings,
		Message: "cannot read strings while standard_conforming_strings is off",
		Detail:  "Backslashes in plain strings would be read in two ways.",
		Hint:    "Set standard_conforming_strings to on.",
	})
}

// noParam answers as PostgreSQL does for a parameter that cannot be.
func noParam(number int) *pgerr.Error {
	return &pgerr.Error{
		State:   "42P02",
		Code:    pgerr.AmbiguousParameter,
		Message: fmt.Sprintf("there is no parameter $%d", number),
		Hint:    "Parameters are numbered from 1 to 65535.",
	}
}

// unknownParam answers as PostgreSQL does for a parameter that is not used.
func unknownParam(name string) *pgerr.Error {
	return &pgerr.Error{
		State:   "42P18",
		Code:    pgerr.AmbiguousParameter,
		Message: "could not determine data type of parameter " + name,
		Hint:    "Use the parameter, or declare its type.",
	}
}

// needsOrder refuses what depends on the order of sealed values.
func (b *binder) needsOrder(what string, p *catalog.Protected) {
	b.refuse(at(&pgerr.Error{
		State:   pgerr.StateUnsupported,
		Code:    pgerr.Unsupported,
		Message: fmt.Sprintf("cannot use protected column %s in %s", p.Column, what),
		Detail:  "It depends on the order of the values, and the server holds sealed values only, whose order is another.",
		Hint:    "Sort and compare in the application. In the server it takes search: [order] in the policy, which pgveil does not serve yet.",
	}, p))
}
