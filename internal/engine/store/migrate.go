package store

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// migrations[n] brings a file from schema n to schema n+1. Steps are only
// ever appended: a released step is history and is not edited.
var migrations = []func(*bolt.Tx) error{
	createBuckets,
}

// Schema is the version this program writes.
func Schema() uint64 { return uint64(len(migrations)) }

// NewerSchemaError says that the file was written by a newer program.
type NewerSchemaError struct {
	Have, Known uint64
}

// Error says which versions meet and what to do.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("schema %d is newer than this program's %d: run the newer bailey again, or restore the backup from before its upgrade", e.Have, e.Known)
}

// migrate runs all missing steps in one transaction, so that a crash leaves
// the file at the old version, whole.
func migrate(db *bolt.DB) error {
	return db.Update(func(tx *bolt.Tx) error {
		have := schemaOf(tx)
		if have > Schema() {
			return &NewerSchemaError{Have: have, Known: Schema()}
		}
		for v := have; v < Schema(); v++ {
			if err := migrations[v](tx); err != nil {
				return fmt.Errorf("migrate from schema %d: %w", v, err)
			}
		}
		if have == Schema() {
			return nil
		}
		return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint64(nil, Schema()))
	})
}

func createBuckets(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketContainers, bucketNames, bucketVolumes} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}
