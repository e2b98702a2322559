package hint

import (
	"regexp"
	"sync"
)

// EDQUOT and ENOSPC in the words of strerror(3) and of runtimes that have their own.
var full = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(disk )?quota exceeded|no space left on device|\bENOSPC\b|\bEDQUOT\b`)
})

// Full says that a container complained that it could write no more.
func Full(output []byte) bool { return full().Match(output) }
