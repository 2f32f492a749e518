package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
)

var testOptions = Options{Keyset: "default", Domain: "d1", Equality: true}

// seal seals or fails the test.
func seal(t testing.TB, c *Codec, plaintext string) []byte {
	t.Helper()
	stored, err := c.Seal(t.Context(), nil, []byte(plaintext), []byte(plaintext))
	if err != nil {
		t.Fatalf("Seal(%q): %v", plaintext, err)
	}
	return stored
}

// mustOpen fails the test unless stored opens to want.
func mustOpen(t testing.TB, c *Codec, stored []byte, want string) {
	t.Helper()
	got, err := c.Open(t.Context(), nil, stored)
	if err != nil || string(got) != want {
		t.Errorf("Open(%s) = %q, %v, want %q", stored, got, err, want)
	}
}

// mustNotOpen fails the test unless stored is refused as damaged, with nothing of it shown.
func mustNotOpen(t testing.TB, c *Codec, stored []byte) {
	t.Helper()
	got, err := c.Open(t.Context(), []byte("before"), stored)
	var e *pgerr.Error
	if !errors.As(err, &e) || e.State != pgerr.StateDamaged || e.Code != pgerr.DoesNotOpen {
		t.Errorf("Open(%s) = %q, %v, want SQLSTATE %s", stored, got, err, pgerr.StateDamaged)
	}
	if string(got) != "before" {
		t.Errorf("Open(%s) gave %q back, want what it was given", stored, got)
	}
}

func TestSeal_opens(t *testing.T) {
	long := strings.Repeat("0123456789\x00\x80é", 5000)
	for _, o := range []Options{
		testOptions, {Keyset: "default", Domain: "d1"}, {Keyset: "k", Domain: "d", Equality: true, Pad: 16}, {Keyset: "k", Domain: "d", Pad: 1}, {Keyset: "k", Domain: "d", Pad: -4},
	} {
		c := New(newTestKeys(), o)
		for _, plaintext := range []string{"", "a", "Ana Pérez", "\x80", "\x80\x00\x00", "\x00", strings.Repeat("\x00", 40), long} {
			stored := seal(t, c, plaintext)
			mustOpen(t, c, stored, plaintext)
			mustOpen(t, New(newTestKeys(), o), stored, plaintext)
		}
	}
}

func TestSeal_appends(t *testing.T) {
	c := New(newTestKeys(), testOptions)
	dst := append(make([]byte, 0, 1024), "before"...)
	out, err := c.Seal(t.Context(), dst, []byte("Ana"), []byte("Ana"))
	if err != nil || !bytes.HasPrefix(out, []byte("beforepv1.")) {
		t.Fatalf("Seal = %s, %v", out, err)
	}
	term, err := c.Term(t.Context(), []byte("before"), []byte("Ana"))
	if err != nil || string(term) != "before"+string(TermOf(out[6:])) {
		t.Errorf("Term = %s, %v, want before and %s", term, err, TermOf(out[6:]))
	}
	opened, err := c.Open(t.Context(), []byte("before"), out[6:])
	if err != nil || string(opened) != "beforeAna" {
		t.Errorf("Open = %q, %v", opened, err)
	}
	// The plaintext may take the place of the envelope.
	opened, err = c.Open(t.Context(), out[6:6], out[6:])
	if err != nil || string(opened) != "Ana" {
		t.Errorf("Open in place = %q, %v", opened, err)
	}
}

func TestSeal_isNeverTheSameTwice(t *testing.T) {
	c := New(newTestKeys(), testOptions)
	a, b := seal(t, c, "Ana"), seal(t, c, "Ana")
	if bytes.Equal(a, b) || !bytes.Equal(TermOf(a), TermOf(b)) {
		t.Errorf("two envelopes of one value: %s, %s", a, b)
	}
}

func TestSeal_padsToBuckets(t *testing.T) {
	lengths := map[int][]int{0: {60, 62, 63, 64, 66}, 16: {80, 80, 80, 80, 80}}
	for pad, want := range lengths {
		c := New(newTestKeys(), Options{Keyset: "k", Domain: "d", Pad: pad})
		var got []int
		for n := range 5 {
			p, _ := parse(seal(t, c, strings.Repeat("x", n)))
			got = append(got, len(p.body))
		}
		if !slices.Equal(got, want) {
			t.Errorf("body lengths with pad %d = %v, want %v", pad, got, want)
		}
	}
	c := New(newTestKeys(), Options{Keyset: "k", Domain: "d", Pad: 16})
	if a, b := seal(t, c, strings.Repeat("x", 15)), seal(t, c, strings.Repeat("x", 16)); len(a) >= len(b) {
		t.Errorf("15 and 16 bytes make envelopes of %d and %d bytes: the mark has no room", len(a), len(b))
	}
}

func TestSeal_anotherBucketStillOpens(t *testing.T) {
	before, after := Options{Keyset: "k", Domain: "d", Pad: 64}, Options{Keyset: "k", Domain: "d"}
	mustOpen(t, New(newTestKeys(), after), seal(t, New(newTestKeys(), before), "Ana"), "Ana")
	mustOpen(t, New(newTestKeys(), before), seal(t, New(newTestKeys(), after), "Ana"), "Ana")
}

func TestTerm_bindsItsPlace(t *testing.T) {
	keys := newTestKeys()
	terms := map[string]string{}
	add := func(what string, o Options, value string) {
		t.Helper()
		term, err := New(keys, o).Term(t.Context(), nil, []byte(value))
		if err != nil || len(term) != termChars {
			t.Fatalf("Term = %s, %v", term, err)
		}
		if other, ok := terms[string(term)]; ok {
			t.Errorf("%s and %s have one term", what, other)
		}
		terms[string(term)] = what
	}
	add("a value", testOptions, "Ana")
	add("another value", testOptions, "ana")
	add("an empty value", testOptions, "")
	add("another domain", Options{Keyset: "default", Domain: "d2", Equality: true}, "Ana")
	add("another keyset", Options{Keyset: "default2", Domain: "d1", Equality: true}, "Ana")
	add("names shifted", Options{Keyset: "defaultd", Domain: "1", Equality: true}, "Ana")
	keys.epoch = 1
	add("another epoch", testOptions, "Ana")
	keys.epoch = 2
	add("one more epoch", testOptions, "Ana")
}

func TestSeal_putsTermsWhereTheEpochSays(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	for epoch, field := range []int{0, 3, 0, 3} {
		keys.set(func() { keys.epoch = uint32(epoch) })
		stored := seal(t, c, "Ana")
		term, err := c.Term(t.Context(), nil, []byte("Ana"))
		if err != nil {
			t.Fatal(err)
		}
		p, ok := parse(stored)
		if !ok {
			t.Fatalf("parse(%s) failed", stored)
		}
		for i, got := range p.terms {
			want := ""
			if i == field {
				want = string(term)
			}
			if string(got) != want {
				t.Errorf("epoch %d: field %d = %q, want %q", epoch, i+2, got, want)
			}
		}
		mustOpen(t, c, stored, "Ana")
	}
}

func TestOpen_refusesWhatIsNotOurs(t *testing.T) {
	c := New(newTestKeys(), testOptions)
	stored := seal(t, c, "Ana")
	text := string(stored)
	for what, bad := range map[string]string{
		"empty": "", "plaintext": "Ana", "truncated": text[:len(text)-1], "longer": text + "A", "without body": text[:strings.LastIndex(text, ".")+1],
		"other format": "pv2" + text[3:], "upper case": "PV1" + text[3:], "space before": " " + text, "newline behind": text + "\n", "newline in the body": text[:60] + "\n" + text[60:],
		"padding": text + "=", "field less": strings.Replace(text, "..", ".", 1), "field more": strings.Replace(text, "..", "...", 1),
		"term moved": "pv1...." + text[4:26] + "..." + text[strings.LastIndex(text, "."):], "term removed": "pv1......." + text[strings.LastIndex(text, ".")+1:],
		"token added": strings.Replace(text, "..", ".a.", 1),
	} {
		t.Run(what, func(t *testing.T) { mustNotOpen(t, c, []byte(bad)) })
	}
	mustOpen(t, c, stored, "Ana")
}

func TestOpen_refusesOtherPlaces(t *testing.T) {
	keys := newTestKeys()
	stored := seal(t, New(keys, testOptions), "Ana")
	for _, o := range []Options{
		{Keyset: "default", Domain: "d2", Equality: true}, {Keyset: "other", Domain: "d1", Equality: true}, {Keyset: "defaultd", Domain: "1", Equality: true}, {},
	} {
		mustNotOpen(t, New(keys, o), stored)
	}
	// What the policy says of search does not matter for opening.
	mustOpen(t, New(keys, Options{Keyset: "default", Domain: "d1"}), stored, "Ana")
}

func TestOpen_refusesAnotherVersionEvenOfTheSameKey(t *testing.T) {
	keys := newTestKeys()
	keys.data[2] = keys.data[1]
	c := New(keys, testOptions)
	stored := seal(t, c, "Ana")
	p, _ := parse(stored)
	body, _ := encoding.AppendDecode(nil, p.body)
	body[3] = 2
	mustNotOpen(t, c, encoding.AppendEncode(stored[:len(stored)-len(p.body):len(stored)-len(p.body)], body))
}

func TestOpen_refusesMalformedPadding(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, Options{Keyset: "default", Domain: "d1"})
	for _, padded := range []string{"\x00", "A", "A\x00\x00", "A\x80\x01", "A\x80B"} {
		w, err := c.sealerOf(1, keys.data[1])
		if err != nil {
			t.Fatal(err)
		}
		var p parsed
		body := append([]byte{0, 0, 0, 1}, w.prefix[:]...)
		body = w.aead.Seal(body, nil, []byte(padded), c.appendAssociated(nil, 1, &p))
		mustNotOpen(t, c, encoding.AppendEncode([]byte("pv1......."), body))
	}
}

func TestCodec_passesErrorsOfTheKeysOn(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	stored := seal(t, c, "Ana")
	keys.set(func() { keys.err = errAway })
	if out, err := c.Seal(t.Context(), []byte("x"), nil, nil); !errors.Is(err, errAway) || string(out) != "x" {
		t.Errorf("Seal without keys = %s, %v, want %v", out, err, errAway)
	}
	if _, err := c.Open(t.Context(), nil, stored); !errors.Is(err, errAway) {
		t.Errorf("Open without keys: %v, want %v: a derived key must not outlive its key", err, errAway)
	}
	if _, err := c.Term(t.Context(), nil, nil); !errors.Is(err, errAway) {
		t.Errorf("Term without keys: %v, want %v", err, errAway)
	}
	keys.set(func() { keys.err = nil; delete(keys.data, 1) })
	if _, err := c.Open(t.Context(), nil, stored); !errors.Is(err, errAway) {
		t.Errorf("Open without its version: %v, want %v", err, errAway)
	}
}

func TestCodec_refusesKeysOfTheWrongLength(t *testing.T) {
	for _, n := range []int{0, 16, 33} {
		keys := newTestKeys()
		keys.data[1] = secret.New(make([]byte, n))
		if out, err := New(keys, testOptions).Seal(t.Context(), nil, nil, nil); err == nil {
			t.Errorf("Seal with a data key of %d bytes = %s", n, out)
		}
		keys.index[0] = secret.New(make([]byte, n))
		if out, err := New(keys, testOptions).Term(t.Context(), nil, nil); err == nil {
			t.Errorf("Term with an index key of %d bytes = %s", n, out)
		}
	}
	keys := newTestKeys()
	keys.data[1], keys.index[0] = secret.Bytes{}, secret.Bytes{}
	if out, err := New(keys, testOptions).Seal(t.Context(), nil, nil, nil); err == nil {
		t.Errorf("Seal with no key at all = %s", out)
	}
}

func TestCodec_refusesToSealForNothing(t *testing.T) {
	for _, o := range []Options{{}, {Keyset: "default"}, {Domain: "d1"}} {
		if out, err := New(newTestKeys(), o).Seal(t.Context(), nil, []byte("Ana"), nil); err == nil {
			t.Errorf("Seal with %+v = %s", o, out)
		}
	}
	c := New(newTestKeys(), Options{Keyset: "default", Domain: "d1"})
	if out, err := c.Term(t.Context(), nil, []byte("Ana")); err == nil {
		t.Errorf("Term of a domain without equality = %s", out)
	}
}

func TestCodec_followsKeyRotation(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	old := seal(t, c, "Ana")
	keys.set(func() { keys.active = 2 })
	renewed := seal(t, c, "Ana")
	if !bytes.Equal(TermOf(old), TermOf(renewed)) {
		t.Error("rotation of the data key changed the term")
	}
	mustOpen(t, c, old, "Ana")
	mustOpen(t, c, renewed, "Ana")
	keys.set(func() { delete(keys.data, 1) })
	mustOpen(t, c, renewed, "Ana")
	if _, err := c.Open(t.Context(), nil, old); !errors.Is(err, errAway) {
		t.Errorf("Open of version 1 after it went: %v", err)
	}
}

func TestCodec_usesAKeyThatWasReplacedUnderItsVersion(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	before := seal(t, c, "Ana")
	mustOpen(t, c, before, "Ana")
	original := keys.data[1]
	keys.set(func() { keys.data[1] = testKey("other", 1) })
	mustNotOpen(t, c, before)
	after := seal(t, c, "Ana")
	mustOpen(t, c, after, "Ana")
	keys.set(func() { keys.data[1] = original })
	mustOpen(t, c, before, "Ana")
	mustNotOpen(t, c, after)
}

func TestCodec_Forget(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	stored := seal(t, c, "Ana")
	mustOpen(t, c, stored, "Ana")
	c.Forget()
	if c.sealer.Load() != nil || c.terms.Load() != nil || len(c.opener.keys)+len(c.opener.derived) != 0 {
		t.Error("Forget kept something")
	}
	mustOpen(t, c, stored, "Ana")
}

func TestSealer_changesItsPrefixInTime(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	seal(t, c, "Ana")
	first := c.sealer.Load()
	if left := first.left.Load(); left != maxSealed-1 {
		t.Errorf("sealer has %d values left, want %d", left, maxSealed-1)
	}
	first.left.Store(1)
	seal(t, c, "the last one")
	if c.sealer.Load() != first {
		t.Error("prefix changed early")
	}
	mustOpen(t, c, seal(t, c, "the next one"), "the next one")
	if next := c.sealer.Load(); next == first || next.prefix == first.prefix {
		t.Error("prefix did not change")
	}
}

func TestOpener_isBoundedAndKeepsJunkOut(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, testOptions)
	var stored [][]byte
	for i := range 3 * maxDerived {
		c.sealer.Store(nil)
		stored = append(stored, seal(t, c, fmt.Sprint(i)))
	}
	for range 2 {
		for i, s := range stored {
			mustOpen(t, c, s, fmt.Sprint(i))
		}
	}
	if n := len(c.opener.derived); n != maxDerived {
		t.Errorf("opener remembers %d keys, want %d", n, maxDerived)
	}
	last := place{1, c.sealer.Load().prefix}
	for range 2 * maxDerived {
		c.sealer.Store(nil)
		junk := seal(t, New(keys, Options{Keyset: "default", Domain: "other"}), "junk")
		mustNotOpen(t, c, junk)
	}
	if _, ok := c.opener.derived[last]; !ok {
		t.Error("values that do not open pushed out one that does")
	}
}

func TestCodec_manyGoroutines(t *testing.T) {
	keys := newTestKeys()
	c := New(keys, Options{Keyset: "default", Domain: "d1", Equality: true, Pad: 8})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				value := fmt.Sprintf("%d %d", g, i)
				stored := seal(t, c, value)
				mustOpen(t, c, stored, value)
				switch {
				case i%50 == 0:
					c.Forget()
				case i%20 == 0:
					keys.set(func() { keys.active, keys.epoch = uint32(1+g%2), uint32(g%4) })
				}
			}
		})
	}
	wg.Wait()
}

func TestTermOf(t *testing.T) {
	c := New(newTestKeys(), testOptions)
	term, err := c.Term(t.Context(), nil, []byte("Ana"))
	if err != nil {
		t.Fatal(err)
	}
	if got := TermOf(seal(t, c, "Ana")); !bytes.Equal(got, term) {
		t.Errorf("TermOf = %s, want %s", got, term)
	}
	none := seal(t, New(newTestKeys(), Options{Keyset: "k", Domain: "d"}), "Ana")
	if got := TermOf(none); got == nil || len(got) != 0 {
		t.Errorf("TermOf without equality = %q, want an empty one", got)
	}
	if got := TermOf([]byte("Ana")); got != nil {
		t.Errorf("TermOf(plaintext) = %q, want nil", got)
	}
}

// almost are texts that come close to an envelope.
func almost() []string {
	a22, a60 := strings.Repeat("A", 22), strings.Repeat("A", 60)
	return []string{
		"", "pv1", "pv1.", "pv1.......", "Ana", "pv1......." + a60[1:], "pv1......" + a60, "pv1........" + a60, "pv1." + a22[1:] + "......" + a60, "pv1." + a22 + "A......" + a60,
		"pv1." + a22 + "......" + a60 + "\n", "x" + "pv1......." + a60, "pv1......." + a60 + ".", "pv1......." + a60 + "=", "pv1......." + a60 + "~", "pv1...~...." + a60,
		"pv1.~......" + a60, "pv1..é....." + a60, "pv1.. ....." + a60, "pv2......." + a60, "pv1,......" + a60, "pv1....A..." + a60,
	}
}

func TestLooks(t *testing.T) {
	for _, v := range readVectors(t).Envelopes {
		if !Looks([]byte(v.Envelope)) {
			t.Errorf("Looks(%s) = false", v.Envelope)
		}
	}
	for _, text := range almost() {
		if Looks([]byte(text)) {
			t.Errorf("Looks(%q) = true", text)
		}
	}
}

// Go's and PostgreSQL's regular expressions agree on all that the pattern uses.
func TestGuardPattern(t *testing.T) {
	open := regexp.MustCompile(GuardPattern(Options{}))
	equality := regexp.MustCompile(GuardPattern(Options{Equality: true}))
	for _, v := range readVectors(t).Envelopes {
		if !open.MatchString(v.Envelope) {
			t.Errorf("guard refuses %s", v.Envelope)
		}
		p, _ := parse([]byte(v.Envelope))
		if want := len(p.terms[0])+len(p.terms[3]) > 0; equality.MatchString(v.Envelope) != want {
			t.Errorf("guard of an equality column matches %s: %v, want %v", v.Envelope, !want, want)
		}
	}
	for _, text := range []string{
		"", "Ana", "pv1", "pv1.", "pv1.......", "pv1......A", "pv1........A", "pv2.......A", "pv1,......A", "xpv1.......A", "pv1.......A\n", "pv1.......A=", "pv1.......A.", "pv1.......A~",
		"pv1.......A B", "pv1..é.....A", "pv1.~......A", "pv1...~....A", "pv1....~...A", "\npv1.......A", "{pv1.......A}", "pv1.a.b.c", "a@pv1.example.org",
	} {
		if open.MatchString(text) || equality.MatchString(text) {
			t.Errorf("guard matches %q", text)
		}
	}
}
