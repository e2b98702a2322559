// Package classic makes BuildKit speak to clients of the builder that was before it: their progress as text, their
// credentials in a header, their errors as one sentence.
package classic
