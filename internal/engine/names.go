package engine

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
)

// nameRule is Docker's rule for container names.
var nameRule = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`)
})

// The words are those of a castle, so that a generated name is easy to say
// and easy to tell from a chosen one.
var (
	nameLeft = strings.Fields(`ancient bold bright brisk calm clear crisp eager early even
		fair firm fond gentle glad golden grand green hale hardy keen kind level light lively
		loyal lucid merry mild noble patient plain proud quick quiet ready robust royal sage
		silver sober solid spry steady still stout sturdy sunny sure swift tall tidy true warm`)
	nameRight = strings.Fields(`abbey arch armory bailey banner barbican bastion battlement beacon
		belfry bridge buttress castle chapel citadel cloister court crenel donjon drawbridge
		embrasure fort garden gate gatehouse granary hall hearth keep lantern loft mantlet mill
		moat orchard palisade parapet pavilion portcullis postern rampart scullery solar spire
		stable tower turret vault wall ward well`)
)

func checkName(name string) error {
	if nameRule().MatchString(name) {
		return nil
	}
	//lint:ignore ST1005 Docker's clients look for these words
	return fmt.Errorf("Invalid container name (%s): use letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 128: %w", name, errdefs.ErrInvalidArgument)
}

func randomName() string {
	return pick(nameLeft) + "_" + pick(nameRight)
}

func pick(words []string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(words))))
	if err != nil {
		return words[0] // unreachable: crypto/rand does not fail
	}
	return words[n.Int64()]
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
