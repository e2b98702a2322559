package sandbox

import (
	"errors"
	"fmt"
)

// RefusalError says that a relaxation was asked for that the policy does not
// allow to this caller.
type RefusalError struct {
	// Rule is the rule's name, What the thing asked for as the caller would write it.
	Rule, What string
	// Why says what the relaxation would give away.
	Why string
	// Mend is what to do: the lines to add to the policy, or the other way.
	Mend string
}

// Error says what is refused, why, and how to mend it.
func (e *RefusalError) Error() string {
	return fmt.Sprintf("%s is refused by rule %q: %s\n%s", e.What, e.Rule, e.Why, e.Mend)
}

// InvalidError says that a request makes no sense, whatever the policy.
type InvalidError struct {
	// Field is what is wrong, Value its value, Why the reason with the way out.
	Field, Value, Why string
}

// Error names the field, its value and the reason.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Why)
}

// Refusals returns every refusal in err, in order.
func Refusals(err error) []*RefusalError {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*RefusalError
		for _, e := range joined.Unwrap() {
			all = append(all, Refusals(e)...)
		}
		return all
	}
	if r, ok := err.(*RefusalError); ok {
		return []*RefusalError{r}
	}
	return Refusals(errors.Unwrap(err))
}
