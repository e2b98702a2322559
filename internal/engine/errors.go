package engine

// NotModifiedError says that what was asked for is so already. The Docker API
// answers it with 304.
type NotModifiedError struct {
	What string
}

// Error says what is so already.
func (e *NotModifiedError) Error() string { return e.What }

// NotModified marks the error for whoever maps errors to answers.
func (e *NotModifiedError) NotModified() {}
