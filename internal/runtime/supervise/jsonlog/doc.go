// Package jsonlog writes a container's output as Docker's json-file driver
// does: one JSON object a line, with the text, the stream and the time, in
// files that are rotated by size and count.
//
// It differs in two details, for the better. A piece of output that did not
// end in a line break is logged without one, so that the texts of a stream,
// joined, are exactly what was written. And a line that is too long is cut
// between characters, not inside of one.
//
// Nothing here fails: the container goes on when its log cannot be written.
// What is lost is counted, and said in the log as soon as it can be written.
package jsonlog
