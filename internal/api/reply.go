package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/moby/moby/api/types/common"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer is how large a buffer may be to be used again, in bytes.
const keepBuffer = 64 << 10

// json answers with a value. Nothing is sent before all of it could be encoded.
func (c *call) json(code int, value any) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= keepBuffer {
			buffers.Put(buf)
		}
	}()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(buf.Len()))
	c.w.WriteHeader(code)
	_, err := c.w.Write(buf.Bytes())
	return err
}

// empty answers without a body.
func (c *call) empty(code int) error {
	c.w.WriteHeader(code)
	return nil
}

// refuse answers with an error.
func (c *call) refuse(code int, text string) {
	h := c.w.Header()
	if code == http.StatusNotModified {
		c.w.WriteHeader(code)
		return
	}
	if c.version < plainVersion {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		c.w.WriteHeader(code)
		_, _ = c.w.Write([]byte(text + "\n")) // a client that left needs no answer
		return
	}
	_ = c.json(code, common.ErrorResponse{Message: text}) // likewise
}

// list makes of a missing list an empty one: clients expect [], not null.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
