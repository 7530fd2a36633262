package dynamo

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"time"

	"github.com/dozeio/doze/pkg/engine"
)

// A handshake's row is never deleted, which would cost as much as writing it: it is encrypted with a key that only the
// session's rows have (AES-GCM, 128 bits, a random nonce in front), and closing the session, which writes its row
// anyway, removes the key. What is left says nothing to anybody, and goes with its time to live.

const (
	attrData   = "d" // of a handshake's row
	sealKey    = 16
	sealedMore = 28 // bytes by which sealing makes a handshake longer: the nonce and the tag
)

var errSealed = errors.New("dynamo: a handshake cannot be opened: its row or its session's has been changed by another program")

func newSealKey() []byte {
	key := make([]byte, sealKey)
	_, _ = rand.Read(key) // never fails
	return key
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, errSealed
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// handshakeItem returns the row of a session's handshake, which is compressed already, until it expires.
func handshakeItem(s engine.Session, compressed []byte, until time.Time) (item, error) {
	aead, err := sealer(s.HandshakeKey)
	if err != nil {
		return nil, err
	}
	row := handshakeKey(s.SID).item()
	row[attrData] = bytesValue(aead.Seal(nil, nil, compressed, []byte(s.SID)))
	expires(row, until)
	return row, nil
}

// Handshake implements engine.Store. It is written once, so that the cheaper read suffices where it finds it.
func (s *Store) Handshake(ctx context.Context, of engine.Session) ([]byte, error) {
	if of.HandshakeKey == nil {
		return nil, nil
	}
	aead, err := sealer(of.HandshakeKey)
	if err != nil {
		return nil, err
	}
	for _, strong := range []bool{false, true} {
		row, err := s.get(ctx, handshakeKey(of.SID), strong)
		if err != nil {
			return nil, err
		}
		if !s.expired(row) {
			compressed, err := aead.Open(nil, nil, bytesOf(row[attrData]), []byte(of.SID))
			if err != nil {
				return nil, errSealed
			}
			return expanded(compressed)
		}
	}
	return nil, nil
}
