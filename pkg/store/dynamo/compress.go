package dynamo

import (
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// A handshake is kept compressed, because each KiB of it is paid for: a browser's headers shrink to about half. The
// first byte says how it is kept.
const (
	plain    = 0
	deflated = 1
)

var deflaters = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
	return w
}}

// compressed returns nil for nil.
func compressed(b []byte) []byte {
	if b == nil {
		return nil
	}
	out := bytes.NewBuffer([]byte{deflated})
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	w.Reset(out)
	_, err := w.Write(b)
	if err == nil {
		err = w.Close()
	}
	if err != nil || out.Len() > len(b) {
		return append([]byte{plain}, b...)
	}
	return out.Bytes()
}

func expanded(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != deflated {
		return b[min(len(b), 1):], nil
	}
	return io.ReadAll(flate.NewReader(bytes.NewReader(b[1:])))
}
