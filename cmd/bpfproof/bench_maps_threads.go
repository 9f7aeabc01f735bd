package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	goruntime "runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/stat"

	"github.com/bpfproof/bpfproof/runtime"
	"github.com/bpfproof/bpfproof/runtime/maps"
)

// scalingJSON says what a second thread brings: how many times as many
// operations two threads on one map make in the same processor time each as one
// alone does. Ceiling is the same of the loop without the operation, which shares
// nothing but the machine: threads of one core reach less than 2.
type scalingJSON struct {
	Case    string  `json:"case"`
	Threads int     `json:"threads"`
	Scaling float64 `json:"scaling"`
	Ceiling float64 `json:"ceiling"`
}

// scalingThreads is how many threads work at the same time.
const scalingThreads = 2

// scaling measures the reads among the cases that were asked for.
func (b *mapsBench) scaling(ctx context.Context) (rows []scalingJSON, err error) {
	for _, c := range mapCases {
		if !c.scales || len(b.only) > 0 && !slices.Contains(b.only, c.name) {
			continue
		}
		row := scalingJSON{Case: c.name, Threads: scalingThreads}
		if row.Scaling, err = b.speedup(ctx, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		alone := c
		alone.empty, alone.app = true, nil
		if row.Ceiling, err = b.speedup(ctx, &alone); err != nil {
			return nil, fmt.Errorf("loop of %s: %w", c.name, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// speedup opens a timer for each thread on one map, and compares.
func (b *mapsBench) speedup(ctx context.Context, c *mapCase) (factor float64, err error) {
	timers, done, err := b.openShared(ctx, c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	n, _, err := b.repeats(ctx, timers[0])
	if err != nil {
		return 0, err
	}
	var one, all []float64
	for range b.count {
		ns, err := together(ctx, timers[:1], n)
		if err != nil {
			return 0, err
		}
		one = append(one, ns)
		if ns, err = together(ctx, timers, n); err != nil {
			return 0, err
		}
		all = append(all, ns)
	}
	slices.Sort(one)
	slices.Sort(all)
	return stat.Quantile(b.quantile, stat.Empirical, one, nil) / stat.Quantile(b.quantile, stat.Empirical, all, nil), nil
}

// together lets all timers run at the same time, each in a thread of its own,
// and returns the nanoseconds of processor time that a run takes when the rates of
// all are added.
func together(ctx context.Context, timers []timer, n int) (float64, error) {
	var ready, wg sync.WaitGroup
	ready.Add(len(timers))
	rates, errs := make([]float64, len(timers)), make([]error, len(timers))
	for i, t := range timers {
		wg.Go(func() {
			goruntime.LockOSThread() // for cpuTime
			defer goruntime.UnlockOSThread()
			ready.Done()
			ready.Wait()
			ns, _, err := t.time(ctx, n)
			rates[i], errs[i] = 1/ns, err
		})
	}
	wg.Wait()
	sum := 0.0
	for _, r := range rates {
		sum += r
	}
	return 1 / sum, errors.Join(errs...)
}

// openShared opens timers on one map.
func (b *mapsBench) openShared(ctx context.Context, c *mapCase) (timers []timer, done func() error, err error) {
	first, err := b.openOurs(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	timers = []timer{first}
	for range scalingThreads - 1 {
		switch t := first.(type) {
		case *appTimer[maps.Map]:
			timers = append(timers, &appTimer[maps.Map]{m: t.m, do: t.do})
		case *sessionTimer:
			s, err := t.object.Programs()[0].Open()
			if err == nil {
				err = s.Frame().Set(runtime.Input{Data: make([]byte, 64)})
			}
			if err != nil {
				return nil, nil, errors.Join(err, first.Close())
			}
			timers = append(timers, &sessionTimer{s, t.object})
		}
	}
	return timers, func() error {
		var errs []error
		for _, t := range timers[1:] {
			if s, ok := t.(*sessionTimer); ok {
				errs = append(errs, s.Session.Close())
			}
		}
		return errors.Join(append(errs, first.Close())...)
	}, nil
}

// growthLine says what a large table costs beside a small one, where both were
// measured.
func growthLine(w io.Writer, rows []benchMapsJSON) error {
	at := func(name string) *benchMapsJSON {
		i := slices.IndexFunc(rows, func(r benchMapsJSON) bool { return r.Case == name })
		if i < 0 {
			return nil
		}
		return &rows[i]
	}
	small, large := at("hash_hit"), at("hash_hit_10m")
	if small == nil || large == nil {
		return nil
	}
	line := fmt.Sprintf("a hit among 10 million elements takes %.1f times as long as among %d", large.Ns/small.Ns, mapKeys)
	if small.KernelNs != nil && large.KernelNs != nil {
		line += fmt.Sprintf("; the kernel's %.1f times", *large.KernelNs / *small.KernelNs)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

func scalingTable(w io.Writer, rows []scalingJSON) error {
	for _, r := range rows {
		if _, err := fmt.Fprintf(w, "%s on %d threads: %.2f times as many; the loop alone %.2f\n", r.Case, r.Threads, r.Scaling, r.Ceiling); err != nil {
			return err
		}
	}
	return nil
}
