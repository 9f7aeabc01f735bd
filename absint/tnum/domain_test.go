package tnum_test

import (
	"testing"

	"github.com/bpfproof/bpfproof/absint/domtest"
	"github.com/bpfproof/bpfproof/absint/tnum"
)

func TestDomain(t *testing.T) { domtest.Run[tnum.T](t, "tnum", tnum.Domain{}) }
