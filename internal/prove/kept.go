package prove

import "sync"

// kept makes values once each, by their names, for callers that may come at once.
type kept[T any] struct {
	mu sync.Mutex
	of map[string]func() T
}

// get returns the value of a name, which make makes if nobody has asked for it before.
func (k *kept[T]) get(name string, make func() T) T {
	k.mu.Lock()
	value, ok := k.of[name]
	if !ok {
		value = sync.OnceValue(make)
		if k.of == nil {
			k.of = map[string]func() T{}
		}
		k.of[name] = value
	}
	k.mu.Unlock()
	return value()
}
