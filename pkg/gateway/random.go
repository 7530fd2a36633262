package gateway

import (
	crand "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"
)

// idLength is that of a connection id, request id or message id, R1kmxc2VNjMCFIA= for example: 11 bytes in URL-safe
// base64.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
const idLength = 16

type id [idLength]byte

// random holds one stream for ids and one for jitter, so that a change of the one leaves the other as it was.
type random struct {
	mu     sync.Mutex
	ids    *rand.Rand // nil for ids that nobody can guess
	jitter *rand.Rand
}

func (r *random) seed(seed uint64, ids bool) {
	if ids {
		r.ids = rand.New(rand.NewPCG(seed, 1))
	}
	r.jitter = rand.New(rand.NewPCG(seed, 2))
}

func (r *random) id() (out id) {
	var raw [16]byte
	if r.ids == nil {
		crand.Read(raw[:])
	} else {
		r.mu.Lock()
		a, b := r.ids.Uint64(), r.ids.Uint64()
		r.mu.Unlock()
		binary.LittleEndian.PutUint64(raw[:], a)
		binary.LittleEndian.PutUint64(raw[8:], b)
	}
	base64.URLEncoding.Encode(out[:], raw[:11])
	return out
}

func (r *random) delay(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(r.jitter.Int64N(int64(limit)))
}

func wellFormed(connectionID string) bool {
	var raw [12]byte
	if len(connectionID) != idLength {
		return false
	}
	n, err := base64.URLEncoding.Decode(raw[:], []byte(connectionID))
	return err == nil && n == 11
}
