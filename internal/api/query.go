package api

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// query reads the parameters of one request. Handlers ask for what they want
// and look at err once: the first mistake is kept. A parameter that can only
// have one value and is given twice is a mistake, for two readers could take
// different ones. Unknown parameters are nobody's.
type query struct {
	values url.Values
	err    error
}

func parseQuery(raw string) *query {
	values, err := url.ParseQuery(raw)
	q := &query{values: values}
	if err != nil {
		q.err = invalid("the query of the request can not be read: %v", err)
	}
	return q
}

func (q *query) fail(key, why string) {
	if q.err == nil {
		q.err = invalid("the parameter %s %s", key, why)
	}
}

// has reports whether a parameter is there at all.
func (q *query) has(key string) bool { return len(q.values[key]) > 0 }

// text returns a parameter's value; "" when it is missing.
func (q *query) text(key string) string {
	switch v := q.values[key]; len(v) {
	case 0:
		return ""
	case 1:
		for _, r := range v[0] {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == '\uFFFD' {
				q.fail(key, "holds a control character or broken text")
				return ""
			}
		}
		return v[0]
	default:
		q.fail(key, "is given twice")
		return ""
	}
}

// list returns all values of a parameter that may be repeated.
func (q *query) list(key string) []string { return q.values[key] }

// flag reads a switch as Docker does: missing, "", 0, no, false and none are off.
func (q *query) flag(key string) bool {
	switch strings.ToLower(strings.TrimSpace(q.text(key))) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// flagOr is flag with a value for when it is missing.
func (q *query) flagOr(key string, missing bool) bool {
	if !q.has(key) {
		return missing
	}
	return q.flag(key)
}

// number reads a whole number; nil when it is missing or empty.
func (q *query) number(key string) *int {
	s := q.text(key)
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		q.fail(key, "must be a whole number, not "+strconv.QuoteToASCII(shorten(s)))
		return nil
	}
	return &n
}

// cells reads a number of character cells of a terminal, its height or width; required.
func (q *query) cells(key, what string) uint16 {
	text := q.text(key)
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > math.MaxUint16 || text[0] == '+') {
		err = &strconv.NumError{Err: strconv.ErrRange}
	}
	if err != nil && q.err == nil {
		q.err = invalid("invalid resize %s %q: %v: it is a number of characters from 0 to 65535", what, shorten(text), errors.Unwrap(err))
	}
	if err != nil {
		return 0
	}
	return uint16(n)
}

// moment reads a Unix time in seconds, with up to nine decimals, or an RFC 3339
// time; zero when it is missing, empty or 0.
func (q *query) moment(key string) time.Time {
	s := q.text(key)
	if s == "" || s == "0" {
		return time.Time{}
	}
	t, ok := parseMoment(s)
	if !ok {
		q.fail(key, "must be a time as seconds since 1970 or as in 2006-01-02T15:04:05Z, not "+strconv.QuoteToASCII(shorten(s)))
	}
	return t
}

func parseMoment(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true
	}
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec > math.MaxInt64/int64(time.Second) || sec < math.MinInt64/int64(time.Second) {
		return time.Time{}, false
	}
	for i := range len(fraction) {
		if fraction[i] < '0' || fraction[i] > '9' {
			return time.Time{}, false
		}
	}
	if len(fraction) > 20 {
		return time.Time{}, false
	}
	nsec, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64) // digits only, see above
	return time.Unix(sec, nsec), true
}

// shorten keeps what is repeated in an error short.
func shorten(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}
