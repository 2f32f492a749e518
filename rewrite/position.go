package rewrite

import (
	"strings"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// ClientPosition returns the place in the client's text that corresponds to a
// place in the text that was sent instead. Both count characters from 1, as
// PostgreSQL does in its errors. It reports false where there is none: the
// texts have too little in common there, or are too long to compare.
//
// The two texts are aligned by their longest common run of tokens: the
// compiler keeps the order of what the client wrote. A token of pgveil's own
// stands for the client's token that follows it.
func ClientPosition(client, sent string, position int) (int, bool) {
	at := byteOffset(sent, position)
	if at < 0 {
		return 0, false
	}
	theirs, ours := lexemes(client), lexemes(sent)
	if theirs == nil || ours == nil || len(theirs)*len(ours) > maxAlignment {
		return 0, false
	}
	i := 0
	for i < len(ours) && ours[i].end <= at {
		i++
	}
	pairs := align(ours, theirs)
	for near := i; near < len(ours) && near < i+nearby; near++ {
		if j := pairs[near]; j >= 0 {
			return utf8.RuneCountInString(client[:theirs[j].start]) + 1, true
		}
	}
	if i == len(ours) { // "at end of input"
		return utf8.RuneCountInString(client) + 1, true
	}
	return 0, false
}

const (
	// maxAlignment bounds the table that compares two texts, in cells.
	maxAlignment = 4 << 20
	// nearby is how many tokens of pgveil's own may stand before one of the client's.
	nearby = 8
)

// lexeme is a token with what makes it the same in both texts.
type lexeme struct {
	start, end int
	text       string
}

// lexemes returns the tokens of a text without comments, nil if it has none.
func lexemes(text string) []lexeme {
	scan, err := pg.Scan(text)
	if err != nil {
		return nil
	}
	list := make([]lexeme, 0, len(scan.Tokens))
	for _, t := range scan.Tokens {
		if t.Token == pg.Token_SQL_COMMENT || t.Token == pg.Token_C_COMMENT {
			continue
		}
		l := lexeme{start: int(t.Start), end: int(t.End)}
		switch t.Token {
		case pg.Token_SCONST, pg.Token_USCONST, pg.Token_BCONST, pg.Token_XCONST:
			l.text = "''" // a value may have been sealed
		case pg.Token_PARAM:
			l.text = "$" // and a parameter have got another number
		default:
			l.text = strings.ToLower(strings.Trim(text[l.start:l.end], `"`))
		}
		// What is qualified with pg_catalog is mostly pgveil's, and never the
		// client's word without.
		if n := len(list); n > 1 && list[n-1].text == "." && list[n-2].text == "pg_catalog" {
			l.text = "pg_catalog." + l.text
		}
		list = append(list, l)
	}
	return list
}

// align returns for each token of a the index of its counterpart in b, -1 for
// none, by a longest common subsequence.
func align(a, b []lexeme) []int {
	width := len(b) + 1
	length := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i].text == b[j].text {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	pairs := make([]int, len(a))
	for i, j := 0, 0; i < len(a); i++ {
		pairs[i] = -1
		for j < len(b) && a[i].text != b[j].text && length[i*width+j+1] == length[i*width+j] {
			j++
		}
		if j < len(b) && a[i].text == b[j].text {
			pairs[i] = j
			j++
		}
	}
	return pairs
}

// byteOffset returns where the character at a position begins, -1 for none.
func byteOffset(text string, position int) int {
	if position < 1 {
		return -1
	}
	n := 1
	for i := range text {
		if n == position {
			return i
		}
		n++
	}
	if n == position {
		return len(text)
	}
	return -1
}
