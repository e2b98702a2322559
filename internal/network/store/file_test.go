package store

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	empty, err := Load(dir)
	if err != nil || !reflect.DeepEqual(empty, File{Version: Version}) {
		t.Fatal(empty, err)
	}
	want := File{Version: Version, Tag: "1a2b", Segment: netip.MustParsePrefix("10.90.0.0/20"), Networks: []Network{{
		ID: "f00", Name: "front", Created: time.Unix(1, 0).UTC(), Subnet: netip.MustParsePrefix("10.90.16.0/24"),
		Gateway: netip.MustParseAddr("10.90.16.1"), Bridge: "bly1a2bb000001", MTU: 1500, Labels: map[string]string{"a": "b"}}}}
	for range 2 {
		if err := Save(dir, want); err != nil {
			t.Fatal(err)
		}
		got, err := Load(dir)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, content := range map[string]string{"half": `{"Version":1,"Tag":`, "empty": "", "future": `{"Version":2}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "networks.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var corrupt *CorruptError
		if _, err := Load(dir); !errors.As(err, &corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
