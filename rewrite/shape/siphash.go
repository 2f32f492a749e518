package shape

import (
	"encoding/binary"
	"math/bits"
)

// sipHash is SipHash-2-4 with a result of 128 bits: a keyed hash for which
// nobody without the key finds two messages with one result. A shape that
// shared a hash with another would be given the other's plan.
func sipHash(key [2]uint64, message []byte) [2]uint64 {
	s := sipState{
		key[0] ^ 0x736f6d6570736575,
		key[1] ^ 0x646f72616e646f6d ^ 0xee,
		key[0] ^ 0x6c7967656e657261,
		key[1] ^ 0x7465646279746573,
	}
	length := len(message)
	for ; len(message) >= 8; message = message[8:] {
		s.word(binary.LittleEndian.Uint64(message))
	}
	var tail [8]byte
	copy(tail[:], message)
	tail[7] = byte(length)
	s.word(binary.LittleEndian.Uint64(tail[:]))
	s.v2 ^= 0xee
	low := s.finish()
	s.v1 ^= 0xdd
	return [2]uint64{low, s.finish()}
}

// sipState is the state of SipHash between two words.
type sipState struct{ v0, v1, v2, v3 uint64 }

// word takes eight bytes of the message.
func (s *sipState) word(m uint64) {
	s.v3 ^= m
	s.round()
	s.round()
	s.v0 ^= m
}

// finish mixes four times and returns half of the result.
func (s *sipState) finish() uint64 {
	for range 4 {
		s.round()
	}
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

func (s *sipState) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
