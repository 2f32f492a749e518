package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgveil/pgveil/internal/pgerr"
)

func TestDecodeCopyResponse_agreesWithPgproto3(t *testing.T) {
	for _, m := range []pgproto3.CopyInResponse{
		{OverallFormat: 0, ColumnFormatCodes: []uint16{}},
		{OverallFormat: 0, ColumnFormatCodes: []uint16{0, 0, 0}},
		{OverallFormat: 1, ColumnFormatCodes: []uint16{1}},
		{OverallFormat: 1, ColumnFormatCodes: bytes16(1, 1600)},
	} {
		frame, err := m.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		binary, columns, err := DecodeCopyResponse(frame[headerLen:])
		if err != nil || binary != (m.OverallFormat == 1) || columns != len(m.ColumnFormatCodes) {
			t.Errorf("DecodeCopyResponse of %d columns in format %d = %t, %d, %v",
				len(m.ColumnFormatCodes), m.OverallFormat, binary, columns, err)
		}
	}
}

func bytes16(v uint16, n int) []uint16 {
	out := make([]uint16, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func TestDecodeCopyResponse_refusesOtherLayouts(t *testing.T) {
	for _, body := range [][]byte{
		{}, {0}, {0, 0}, {2, 0, 0}, {0, 0, 1}, {0, 0, 1, 0}, {0, 0, 1, 0, 0, 0},
		{0, 0, 1, 0, 1}, // a binary column in a text COPY
		{1, 0, 1, 0, 0}, {1, 0xff, 0xff, 0, 1},
	} {
		_, _, err := DecodeCopyResponse(body)
		var refusal *pgerr.Error
		if !errors.As(err, &refusal) || refusal.State != pgerr.StateProtocol {
			t.Errorf("DecodeCopyResponse(%v) = %v, want 08P01", body, err)
		}
	}
}

func TestAppendCopyFail_isPgproto3s(t *testing.T) {
	got, err := AppendCopyFail([]byte("kept"), "no more")
	if err != nil {
		t.Fatal(err)
	}
	want, err := (&pgproto3.CopyFail{Message: "no more"}).Encode([]byte("kept"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("AppendCopyFail = %q, want %q", got, want)
	}
	if _, err := AppendCopyFail(nil, "a\x00b"); err == nil {
		t.Error("AppendCopyFail of a text with a zero byte gave no error")
	}
}
