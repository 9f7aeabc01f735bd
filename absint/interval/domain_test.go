package interval_test

import (
	"testing"

	"github.com/bpfproof/bpfproof/absint/domtest"
	"github.com/bpfproof/bpfproof/absint/interval"
)

func TestDomain(t *testing.T) { domtest.Run[interval.T](t, "interval", interval.Domain{}) }
