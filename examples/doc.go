// Package examples is where the examples lie: small applications, one directory
// each, with the programs that they load, a README and a test.
//
// They know the packages that applications use (pipeline, runtime and what is
// below it) and nothing of verifier, compiler or prover. The package itself is
// empty; its test holds the programs of all examples to what is said of them:
// accepted by our verifier, their machine code proved, and accepted by the live
// kernel where there is one.
//
//	go run ./examples/latency --seconds 5
package examples
