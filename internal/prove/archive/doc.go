// Package archive writes archives of images for attacks: the one that brings
// the program which attacks, and hostile ones. It checks nothing, so that
// whatever a tar or a document can hold can be written.
package archive
