package keystore_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pgveil/pgveil/internal/pgerr"
	"github.com/pgveil/pgveil/internal/secret"
	"github.com/pgveil/pgveil/keystore"
)

func sample() keystore.Record {
	return keystore.Record{
		Keyset: "people", Purpose: keystore.Data, Version: 7, State: keystore.Active, Custodian: "software:00ff",
		Wrapped: keystore.Wrapped{Scheme: "aes-gcm", Bytes: []byte{1, 2, 3}},
		Created: time.Date(2030, 1, 2, 3, 4, 5, 678_000, time.UTC),
	}
}

// The encodings are stored in effect: what is out there must verify for ever.
// These vectors are never edited.
func TestRecord_vectors(t *testing.T) {
	r := sample()
	if got, want := hex.EncodeToString(keystore.MACInput(r)), ""+
		"00000014"+"70677665696c206b6579207265636f7264207631"+ // "pgveil key record v1"
		"00000006"+"70656f706c65"+ // "people"
		"00000004"+"64617461"+ // "data"
		"00000007"+
		"00000006"+"616374697665"+ // "active"
		"0000000d"+"736f6674776172653a30306666"+ // "software:00ff"
		"00000007"+"6165732d67636d"+ // "aes-gcm"
		"00000003"+"010203"+
		"0006ba2d4473d5e6"; got != want {
		t.Errorf("MAC input =\n%s, want\n%s", got, want)
	}
	if got, want := hex.EncodeToString(keystore.AAD(r)), ""+
		"00000012"+"70677665696c206b65792077726170207631"+ // "pgveil key wrap v1"
		"00000006"+"70656f706c65"+"00000004"+"64617461"+"00000007"+"0006ba2d4473d5e6"; got != want {
		t.Errorf("AAD =\n%s, want\n%s", got, want)
	}
	mac, err := keystore.MAC(r, secret.New([]byte("0123456789abcdef0123456789abcdef")))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(mac), macVector; got != want {
		t.Errorf("MAC = %s, want %s", got, want)
	}
}

// macVector was computed by another program, from docs/KEYS.md alone.
const macVector = "b803d1fdef9c846c68885d84c9383fb708b114ca7bf8ea1403974e4a4a8f5132"

// Two records that differ in anything never encode alike, however the bytes
// are shifted between their fields.
func TestRecord_encodingIsUnambiguous(t *testing.T) {
	record := rapid.Custom(func(t *rapid.T) keystore.Record {
		word := rapid.StringMatching(`[a-c]{0,3}`)
		return keystore.Record{
			Keyset: word.Draw(t, "keyset"), Purpose: keystore.Purpose(word.Draw(t, "purpose")),
			Version: rapid.Uint32Range(0, 3).Draw(t, "version"), State: keystore.State(word.Draw(t, "state")),
			Custodian: word.Draw(t, "custodian"),
			Wrapped:   keystore.Wrapped{Scheme: word.Draw(t, "scheme"), Bytes: []byte(word.Draw(t, "wrapped"))},
			Created:   time.UnixMicro(rapid.Int64Range(0, 3).Draw(t, "created")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := record.Draw(t, "a"), record.Draw(t, "b")
		same := a.Keyset == b.Keyset && a.Purpose == b.Purpose && a.Version == b.Version && a.State == b.State &&
			a.Custodian == b.Custodian && a.Wrapped.Scheme == b.Wrapped.Scheme &&
			bytes.Equal(a.Wrapped.Bytes, b.Wrapped.Bytes) && a.Created.Equal(b.Created)
		if got := bytes.Equal(keystore.MACInput(a), keystore.MACInput(b)); got != same {
			t.Fatalf("MAC inputs of %+v and %+v equal: %t, want %t", a, b, got, same)
		}
	})
}

// Every change that whoever can write the storage may make is refused, by an
// error that names the record.
func TestStore_refusesATamperedRecord(t *testing.T) {
	for name, change := range map[string]func(*keystore.Record){
		"wrapped bytes": func(r *keystore.Record) { r.Wrapped.Bytes[15] ^= 1 },
		"wrapped empty": func(r *keystore.Record) { r.Wrapped.Bytes = nil },
		"scheme":        func(r *keystore.Record) { r.Wrapped.Scheme = "aes-key-wrap" },
		"state":         func(r *keystore.Record) { r.State = keystore.Retiring },
		"state unknown": func(r *keystore.Record) { r.State = "Active" },
		"created":       func(r *keystore.Record) { r.Created = r.Created.Add(time.Microsecond) },
		"mac":           func(r *keystore.Record) { r.MAC[0] ^= 1 },
		"mac cut short": func(r *keystore.Record) { r.MAC = r.MAC[:16] },
		"mac missing":   func(r *keystore.Record) { r.MAC = nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.storage.edit(t, keystore.Data, 1, change)
			_, err := r.another(t).Keyset("people").Data(t.Context(), 1)
			if code(t, err) != pgerr.KeyRecordDamaged || !strings.Contains(err.Error(), `data key version 1 in keyset "people"`) {
				t.Errorf("Data = %v, want key-record-damaged that names the record", err)
			}
			if err := r.Verify(t.Context()); code(t, err) != pgerr.KeyRecordDamaged {
				t.Errorf("Verify = %v, want key-record-damaged", err)
			}
		})
	}
}

// A change that comes while the key is in memory is noticed at the next reading.
func TestStore_refusesARecordTamperedWithLater(t *testing.T) {
	r := newRig(t)
	_, key, err := r.people.Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { r.Created = r.Created.Add(time.Hour) })
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.people.Active(t.Context()); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Active = %v, want key-record-damaged", err)
	}
	if key.Len() != 0 {
		t.Error("the key of the record as it was is still in memory")
	}
}

// Records that are genuine in one place are not in another.
func TestStore_refusesSwappedRecords(t *testing.T) {
	r := newRig(t)
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	if err := r.Create(t.Context(), "money"); err != nil {
		t.Fatal(err)
	}
	one, two := r.storage.record(t, keystore.Data, 1), r.storage.record(t, keystore.Data, 2)
	index := r.storage.record(t, keystore.Index, 0)
	for name, forged := range map[string]keystore.Record{
		"another version's key":     with(one, func(r *keystore.Record) { r.Wrapped = two.Wrapped }),
		"another version's whole":   with(two, func(r *keystore.Record) { r.Version = 1 }),
		"an index key's whole":      with(index, func(r *keystore.Record) { r.Version, r.Purpose = 1, keystore.Data }),
		"another version's MAC":     with(one, func(r *keystore.Record) { r.MAC = two.MAC }),
		"key and MAC of another":    with(one, func(r *keystore.Record) { r.Wrapped, r.MAC = two.Wrapped, two.MAC }),
		"a pending key made active": with(two, func(r *keystore.Record) { r.Version, r.State = 1, keystore.Active }),
	} {
		t.Run(name, func(t *testing.T) {
			r.storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { *r = forged })
			_, err := r.another(t).Keyset("people").Data(t.Context(), 1)
			if code(t, err) != pgerr.KeyRecordDamaged {
				t.Errorf("Data(1) = %v, want key-record-damaged", err)
			}
			r.storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { *r = one })
		})
	}
	renamed := with(one, func(r *keystore.Record) { r.Keyset = "stolen" })
	if err := r.storage.Insert(t.Context(), renamed); err != nil {
		t.Fatal(err)
	}
	if _, err := r.another(t).Keyset("stolen").Data(t.Context(), 1); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Data of a renamed keyset = %v, want key-record-damaged", err)
	}
}

// Where the custodian binds nothing, as RFC 3394 does not, the MAC alone must
// do: here is a custodian that ignores the associated data.
func TestStore_macAloneNoticesASwap(t *testing.T) {
	r := newRig(t)
	deaf := &deafCustodian{r.custodian}
	s, err := keystore.Open(t.Context(), &memory{}, deaf, keystore.Options{Refresh: -1, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storage := &memory{}
	s2, err := keystore.Open(t.Context(), storage, deaf, keystore.Options{Refresh: -1, Now: r.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if err := s2.Create(t.Context(), "people"); err != nil {
		t.Fatal(err)
	}
	index := storage.record(t, keystore.Index, 0)
	storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { r.Wrapped = index.Wrapped })
	if err := s2.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s2.Keyset("people").Data(t.Context(), 1); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Data of a swapped key = %v, want key-record-damaged", err)
	}
}

func TestStore_refusesTwoActiveKeys(t *testing.T) {
	r := newRig(t)
	if _, err := r.Add(t.Context(), "people", keystore.Data); err != nil {
		t.Fatal(err)
	}
	old := r.storage.record(t, keystore.Data, 1)
	if err := r.Move(t.Context(), "people", keystore.Data, 2, keystore.Active); err != nil {
		t.Fatal(err)
	}
	// A record as it once was is genuine; only the other active one gives it away.
	r.storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { *r = old })
	s := r.another(t)
	if _, _, err := s.Keyset("people").Active(t.Context()); code(t, err) != pgerr.KeyRecordDamaged || !strings.Contains(err.Error(), "both active") {
		t.Errorf("Active = %v, want key-record-damaged", err)
	}
	if err := s.Verify(t.Context()); code(t, err) != pgerr.KeyRecordDamaged {
		t.Errorf("Verify = %v, want key-record-damaged", err)
	}
	for version := range uint32(2) {
		if _, err := s.Keyset("people").Data(t.Context(), version+1); err != nil {
			t.Errorf("Data(%d) = %v: what is stored must still open", version+1, err)
		}
	}
}

func TestStore_otherCustodian(t *testing.T) {
	r := newRig(t)
	r.storage.edit(t, keystore.Data, 1, func(r *keystore.Record) { r.Custodian = "pkcs11:00ff" })
	_, err := r.another(t).Keyset("people").Data(t.Context(), 1)
	if code(t, err) != pgerr.KeyOtherCustodian || !strings.Contains(err.Error(), "pkcs11:00ff") {
		t.Errorf("Data = %v, want key-other-custodian that names it", err)
	}
}

// A purpose of a later version of pgveil harms nobody.
func TestStore_unknownPurposeIsLeftAlone(t *testing.T) {
	r := newRig(t)
	signing := with(r.storage.record(t, keystore.Data, 1), func(r *keystore.Record) { r.Purpose = "signing" })
	if err := r.storage.Insert(t.Context(), signing); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.another(t).Keyset("people").Active(t.Context()); err != nil {
		t.Errorf("Active = %v", err)
	}
}

func with(r keystore.Record, change func(*keystore.Record)) keystore.Record {
	r.Wrapped.Bytes, r.MAC = bytes.Clone(r.Wrapped.Bytes), bytes.Clone(r.MAC)
	change(&r)
	return r
}
