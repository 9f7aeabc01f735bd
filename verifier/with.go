package verifier

import "github.com/bpfproof/bpfproof/absint"

// Domain is what the verifier asks of an abstract domain.
type Domain[E comparable] interface {
	absint.Domain[E]
	absint.Bounder[E]
}

// With returns a verifier over a domain of the caller's, whatever
// policy.Domain names; to have it chosen by name, give it a row in the table of
// domains. The error is a *PolicyError.
func With[E comparable](d Domain[E], policy Policy) (*Verifier, error) {
	policy.Domain = ""
	policy = policy.withDefaults()
	if err := policy.check(); err != nil {
		return nil, err
	}
	return &Verifier{policy, &over[E]{d: d}}, nil
}
