package logfile

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxLine bounds one line of the file in bytes: supervisors split output at
// 16 KiB, and JSON may escape each byte to six.
const maxLine = 128 << 10

// Line is one logged piece of output.
type Line struct {
	Stream byte // 1 stdout, 2 stderr
	Time   time.Time
	Text   []byte
}

type jsonLine struct {
	Log    string    `json:"log"`
	Stream string    `json:"stream"`
	Time   time.Time `json:"time"`
}

// parse reads one line of a log file.
func parse(b []byte) (Line, error) {
	var j jsonLine
	if err := json.Unmarshal(b, &j); err != nil {
		return Line{}, fmt.Errorf("log line is not valid JSON: %w", err)
	}
	line := Line{Stream: 1, Time: j.Time, Text: []byte(j.Log)}
	if j.Stream == "stderr" {
		line.Stream = 2
	}
	return line, nil
}
