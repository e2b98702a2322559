// Package guard stands between text that a container wrote and the terminal
// of the person who reads it.
//
// A terminal obeys what is printed to it: a container's log, a label, a file
// name or a process title can set the window's title, write to the clipboard,
// move the cursor back over what was shown, or make the terminal type an
// answer. A [Writer] lets text through and shows everything else in the
// notation of cat -v (^[ for escape, ^M for carriage return), so that an
// attempt is seen and does nothing. [Cell] does the same to one value of a
// table, where a line feed or a tab would forge rows and columns too.
//
// Only what is printed to a terminal is guarded; a pipe or a file gets every
// byte as it is.
package guard
