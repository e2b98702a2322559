package lint

import (
	"strconv"
	"strings"
	"unicode"
)

// hidden is what stands in findings in the place of a secret.
const hidden = "[hidden]"

// mask takes out of texts what must not be shown.
type mask struct {
	values   []string // secrets that were recognised by the name of their variable
	replacer *strings.Replacer
}

// learn adds a value that must not be shown. Short ones are as likely a word
// of the message as a secret.
func (m *mask) learn(value string) {
	for _, v := range []string{value, strings.Trim(value, `"'`)} {
		if len(v) >= 4 && len(m.values) < 2*1000 {
			m.values, m.replacer = append(m.values, v, hidden), nil
		}
	}
}

// maxText bounds a message, in bytes.
const maxText = 600

// clean makes a text from a Dockerfile fit to be shown: without secrets,
// without what a terminal would obey, and not too long.
func (m *mask) clean(text string) string {
	if m.replacer == nil {
		m.replacer = strings.NewReplacer(m.values...)
	}
	text = m.replacer.Replace(text)
	for _, kind := range secretKinds() {
		text = kind.pattern.ReplaceAllString(text, hidden)
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// quote shows a word of a Dockerfile inside a sentence.
func quote(word string) string {
	if len(word) > 100 {
		word = strings.ToValidUTF8(word[:100], "") + "…"
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' || r == '"' }) {
		return word
	}
	return strconv.Quote(word)
}
