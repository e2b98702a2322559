package store

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func names(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all, err := s.Containers()
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, c := range all {
		out[c.Name] = c.ID
	}
	return out
}

func TestRecordsSurviveReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openAt(t, path)
	if err := s.CreateContainer(&Container{ID: "1", Name: "web", State: State{Status: Created}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := names(t, openAt(t, path)); got["web"] != "1" {
		t.Errorf("got %v", got)
	}
}

func TestNamesBelongToOne(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "state.db"))
	web := &Container{ID: "1", Name: "web"}
	if err := s.CreateContainer(web); err != nil {
		t.Fatal(err)
	}
	var taken *NameTakenError
	if err := s.CreateContainer(&Container{ID: "2", Name: "web"}); !errors.As(err, &taken) || taken.Owner != "1" {
		t.Fatalf("got %v", err)
	}
	if got := names(t, s); len(got) != 1 {
		t.Errorf("a refused container left a record: %v", got)
	}
	web.Name = "www"
	if err := s.RenameContainer(web, "web"); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateContainer(&Container{ID: "2", Name: "web"}); err != nil {
		t.Errorf("a freed name is still taken: %v", err)
	}
	if err := s.DeleteContainer("1", "www"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); len(got) != 1 || got["web"] != "2" {
		t.Errorf("got %v", got)
	}
}

func TestDamagedRecordsAreReportedAndKept(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "state.db"))
	if err := s.CreateContainer(&Container{ID: "1", Name: "whole"}); err != nil {
		t.Fatal(err)
	}
	damage := func(tx *bolt.Tx) error { return tx.Bucket(bucketContainers).Put([]byte("2"), []byte("{half")) }
	if err := s.db.Update(damage); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if d := s.Damaged(); len(d) != 1 || d[0].Key != "2" {
		t.Errorf("damage reported: %v", d)
	}
	_ = s.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketContainers).Get([]byte("2")) == nil {
			t.Error("the damaged record is gone")
		}
		return nil
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := openAt(t, path)
	newer := func(tx *bolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint64(nil, Schema()+1))
	}
	if err := s.db.Update(newer); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var refused *NewerSchemaError
	if _, err := Open(path); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestMigrationIsWholeOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	openAt(t, path).Close()
	saved := migrations
	t.Cleanup(func() { migrations = saved })
	boom := errors.New("boom")
	migrations = append(migrations[:len(migrations):len(migrations)],
		func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("new")); return err },
		func(*bolt.Tx) error { return boom })
	if _, err := Open(path); !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
	migrations = saved
	s := openAt(t, path)
	_ = s.db.View(func(tx *bolt.Tx) error {
		if tx.Bucket([]byte("new")) != nil {
			t.Error("half a migration was kept")
		}
		return nil
	})
}

func TestSecondProcessIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	openAt(t, path)
	if _, err := Open(path); err == nil {
		t.Error("the file was opened twice")
	}
}

// TestOlderFiles opens files as released programs have written them, and finds in them what they had put there.
func TestOlderFiles(t *testing.T) {
	packed, err := os.Open("testdata/schema1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.db")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, plain); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range 2 { // as it was, and as this program leaves it
		s := openAt(t, path)
		all, err := s.Containers()
		if err != nil || len(all) != 2 || len(s.Damaged()) != 0 {
			t.Fatalf("%d containers, damaged %v, %v", len(all), s.Damaged(), err)
		}
		for _, c := range all {
			switch c.Name {
			case "made":
				if c.State.Status != Created || len(c.Mounts) != 1 || c.Mounts[0].Name != "data" || c.ImageID == "" {
					t.Errorf("made: %+v", c)
				}
			case "ended":
				if c.State.Status != Restarting || c.State.ExitCode != 7 || c.RetriesInRow != 0 ||
					c.HostConfig.RestartPolicy.MaximumRetryCount != 1 || c.State.FinishedAt.IsZero() {
					t.Errorf("ended: %+v", c.State)
				}
			default:
				t.Errorf("an unknown container %q", c.Name)
			}
		}
		if v, err := s.Volumes(); err != nil || len(v) != 1 || v[0].Name != "data" || v[0].Labels["a"] != "b" {
			t.Errorf("volumes: %+v %v", v, err)
		}
		if before, err := s.SwapBoot("boot"); err != nil || before != "" && before != "boot" {
			t.Error(before, err)
		}
		var taken *NameTakenError
		if err := s.CreateContainer(&Container{ID: "new", Name: "made"}); !errors.As(err, &taken) {
			t.Errorf("a taken name was given away: %v", err)
		}
		for i := range all {
			if err := s.SaveContainer(&all[i]); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
	}
}
