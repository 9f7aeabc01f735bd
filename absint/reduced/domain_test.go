package reduced_test

import (
	"testing"

	"github.com/bpfproof/bpfproof/absint/domtest"
	"github.com/bpfproof/bpfproof/absint/reduced"
)

func TestDomain(t *testing.T) { domtest.Run[reduced.T](t, "tnum+interval", reduced.New()) }
