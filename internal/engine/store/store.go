package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bailey-run/bailey/internal/durable"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// lockTimeout bounds the wait for another process that has the file open.
const lockTimeout = 2 * time.Second

var (
	bucketMeta       = []byte("meta")
	bucketContainers = []byte(ContainerBucket)
	bucketNames      = []byte("names")
	bucketVolumes    = []byte(VolumeBucket)
	keySchema        = []byte("schema")
	keyBoot          = []byte("boot")
)

// The buckets that a [Damage] can name.
const (
	ContainerBucket = "containers"
	VolumeBucket    = "volumes"
)

// Store is the state of one node. It is safe for concurrent use.
type Store struct {
	db      *bolt.DB
	damaged []Damage
}

// Damage is a record that could not be read. It stays in the file under its
// key, so that it can be looked at and repaired.
type Damage struct {
	Bucket, Key string
	Err         error
}

// NameTakenError says that a name belongs to another container.
type NameTakenError struct {
	Name, Owner string
}

// Error names the owner and the two ways out.
func (e *NameTakenError) Error() string {
	return fmt.Sprintf("the name %q is in use by container %.12s: remove or rename that container, or choose another name", e.Name, e.Owner)
}

// Open opens or creates the state file and brings it to the current schema.
func Open(path string) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("state file %s is held by another process: stop the node that uses this directory first: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open state file %s: %w", path, err)
	}
	err = migrate(db)
	if err == nil {
		err = durable.SyncDir(filepath.Dir(path)) // the file may be new, and bbolt cares for its content only
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state file %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

// Close releases the file.
func (s *Store) Close() error { return s.db.Close() }

// Containers returns every readable container record.
func (s *Store) Containers() ([]Container, error) {
	return load[Container](s, bucketContainers)
}

// Volumes returns every readable volume record.
func (s *Store) Volumes() ([]Volume, error) {
	return load[Volume](s, bucketVolumes)
}

// SwapBoot records on which boot of the machine the node runs, and returns on
// which one it ran last; empty when that is not known. On the same boot nothing
// is written.
func (s *Store) SwapBoot(id string) (before string, err error) {
	_ = s.db.View(func(tx *bolt.Tx) error {
		before = string(tx.Bucket(bucketMeta).Get(keyBoot))
		return nil
	})
	if before == id {
		return before, nil
	}
	return before, s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyBoot, []byte(id)) })
}

// Damaged returns the records that the last loads could not read.
func (s *Store) Damaged() []Damage { return s.damaged }

// CreateContainer records a new container and takes its name, or does neither.
func (s *Store) CreateContainer(c *Container) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := takeName(tx, c.Name, c.ID); err != nil {
			return err
		}
		return put(tx, bucketContainers, c.ID, c)
	})
}

// SaveContainer writes an existing container's record.
func (s *Store) SaveContainer(c *Container) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return put(tx, bucketContainers, c.ID, c)
	})
}

// RenameContainer writes the record under its new name and frees the old one.
func (s *Store) RenameContainer(c *Container, old string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := takeName(tx, c.Name, c.ID); err != nil {
			return err
		}
		if err := tx.Bucket(bucketNames).Delete([]byte(old)); err != nil {
			return err
		}
		return put(tx, bucketContainers, c.ID, c)
	})
}

// DeleteContainer removes the record and frees its name.
func (s *Store) DeleteContainer(id, name string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := tx.Bucket(bucketNames).Delete([]byte(name)); err != nil {
			return err
		}
		return tx.Bucket(bucketContainers).Delete([]byte(id))
	})
}

// SaveVolume writes a volume's record.
func (s *Store) SaveVolume(v *Volume) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return put(tx, bucketVolumes, v.Name, v)
	})
}

// DeleteVolume removes a volume's record.
func (s *Store) DeleteVolume(name string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketVolumes).Delete([]byte(name))
	})
}

func takeName(tx *bolt.Tx, name, id string) error {
	names := tx.Bucket(bucketNames)
	if owner := names.Get([]byte(name)); owner != nil && string(owner) != id {
		return &NameTakenError{Name: name, Owner: string(owner)}
	}
	return names.Put([]byte(name), []byte(id))
}

func put(tx *bolt.Tx, bucket []byte, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s %s: %w", bucket, key, err)
	}
	return tx.Bucket(bucket).Put([]byte(key), b)
}

func load[T any](s *Store, bucket []byte) ([]T, error) {
	var keys, values [][]byte
	var recs []T
	var failed []error
	err := s.db.View(func(tx *bolt.Tx) error {
		err := tx.Bucket(bucket).ForEach(func(k, v []byte) error {
			keys, values = append(keys, k), append(values, v)
			return nil
		})
		recs, failed = decode[T](values)
		for i, err := range failed {
			if err != nil {
				s.damaged = append(s.damaged, Damage{Bucket: string(bucket), Key: string(keys[i]), Err: err})
			}
		}
		return err
	})
	var out []T
	for i := range recs {
		if failed[i] == nil {
			out = append(out, recs[i])
		}
	}
	return out, err
}

// decode reads all values, on all processors: a node that starts waits for it.
func decode[T any](values [][]byte) (recs []T, failed []error) {
	recs, failed = make([]T, len(values)), make([]error, len(values))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(values)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(values); i = int(next.Add(1)) - 1 {
				failed[i] = json.Unmarshal(values[i], &recs[i])
			}
		})
	}
	all.Wait()
	return recs, failed
}

func schemaOf(tx *bolt.Tx) uint64 {
	if b := tx.Bucket(bucketMeta); b != nil {
		if v := b.Get(keySchema); len(v) == 8 {
			return binary.BigEndian.Uint64(v)
		}
	}
	return 0
}
