package testkit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
)

// Kind is what a planted secret looks like.
type Kind uint8

// The kinds of secrets.
const (
	// Text is one word of lower-case letters.
	Text Kind = iota
	// Name is two capitalised words, one of which has letters beyond ASCII.
	Name
	// Digits are fifteen digits, as in phone numbers, cards and accounts.
	Digits
	// Email is an address.
	Email
	// Date is a day after the year 3000, as YYYY-MM-DD, so that no other date is taken for it.
	Date
	// Numeric is a number that fits numeric(12,2).
	Numeric
	// UUID is a uuid in PostgreSQL's form.
	UUID
)

// needle is one way in which a secret can show.
type needle struct {
	secret string
	form   string
	bytes  []byte // folded
}

// A Planter makes secrets and recognises them later. Several goroutines may use it.
type Planter struct {
	mu      sync.Mutex
	needles []needle
}

// New returns a secret that no one has seen before, and remembers it.
func (p *Planter) New(kind Kind) string {
	switch kind {
	case Name:
		core := letters(16)
		value := "Ñé" + core + " Gebre" + letters(12)
		p.remember(value, core)
		return value
	case Digits:
		value := "9" + number(14)
		p.remember(value, value)
		return value
	case Email:
		core := letters(16)
		value := core + "@example.org"
		p.remember(value, core)
		return value
	case Date:
		return p.newDate()
	case Numeric:
		return p.newNumeric()
	case UUID:
		return p.newUUID()
	default:
		value := letters(20)
		p.remember(value, value)
		return value
	}
}

// Remember takes a secret that the caller has made, for instance one inside a
// document. It must be at least eight bytes long, and unlike anything else.
func (p *Planter) Remember(value string) { p.remember(value, value) }

// Planted returns how many needles are looked for; none means that a search
// would prove nothing.
func (p *Planter) Planted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.needles)
}

// Take makes p look for the secrets of from too.
func (p *Planter) Take(from *Planter) {
	from.mu.Lock()
	needles := slices.Clone(from.needles)
	from.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.needles = append(p.needles, needles...)
}

// remember looks for core, the part that belongs to value alone, as it is, in
// halves, in hexadecimal and in base64 at each of its three alignments.
func (p *Planter) remember(value, core string) {
	p.add(value, "text", core)
	if half := len(core) / 2; half >= 8 {
		p.add(value, "first half", core[:half])
		p.add(value, "second half", core[half:])
	}
	p.add(value, "hexadecimal", hex.EncodeToString([]byte(core)))
	for shift := range 3 {
		p.add(value, "base64", base64Core(base64.StdEncoding, core, shift))
		p.add(value, "base64url", base64Core(base64.URLEncoding, core, shift))
	}
}

func (p *Planter) add(secret, form, bytes string) {
	n := needle{secret, form, fold([]byte(bytes))}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.needles, func(o needle) bool { return string(o.bytes) == string(n.bytes) }) {
		p.needles = append(p.needles, n)
	}
}

// base64Core encodes core as it would appear after shift other bytes, without
// the characters that depend on its neighbours.
func base64Core(enc *base64.Encoding, core string, shift int) string {
	coded := enc.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("\x00", shift) + core))
	first := (shift*8 + 5) / 6
	last := (shift + len(core)) * 8 / 6
	return coded[first:last]
}

func (p *Planter) newDate() string {
	y, m, d := 3000+below(6900), 1+below(12), 13+below(16)
	value := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
	p.remember(value, value)
	p.add(value, "German date", fmt.Sprintf("%02d.%02d.%04d", d, m, y))
	p.add(value, "US date", fmt.Sprintf("%02d/%02d/%04d", m, d, y))
	p.add(value, "European date", fmt.Sprintf("%02d/%02d/%04d", d, m, y))
	// The four bytes of a stored date are too few to tell from chance; Leaks
	// finds those in the dump.
	return value
}

func (p *Planter) newNumeric() string {
	whole, cents := "1"+number(9), number(2)
	value := whole + "." + cents
	p.remember(value, value)
	// As stored: digits to the base 10,000, two bytes each.
	var little, big []byte
	for _, group := range []string{whole[:2], whole[2:6], whole[6:], cents + "00"} {
		var digit uint16
		fmt.Sscanf(group, "%d", &digit)
		little = binary.LittleEndian.AppendUint16(little, digit)
		big = binary.BigEndian.AppendUint16(big, digit)
	}
	p.add(value, "stored numeric", string(little))
	p.add(value, "binary numeric", string(big))
	return value
}

func (p *Planter) newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	value := strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
	p.remember(value, value)
	p.add(value, "bare uuid", h)
	p.add(value, "stored uuid", string(b[:]))
	return value
}

func letters(n int) string {
	return sample("abcdefghijklmnopqrstuvwxyz", n)
}

func number(n int) string { return sample("0123456789", n) }

func sample(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[below(len(alphabet))]
	}
	return string(b)
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic("internal error: no randomness: " + err.Error())
	}
	return int(i.Int64())
}
