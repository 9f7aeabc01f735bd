package tnumcgo22

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

// curve is a named line of a figure.
type curve struct {
	name   string
	points plotter.XYs
}

// excessCurve is the share of pairs that differ whose excess is at most x bits.
func excessCurve(name string, c Comparison) curve {
	var keys []int
	for k := range c.Excess {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	points, below := plotter.XYs{}, 0
	for _, k := range keys {
		points = append(points, plotter.XY{X: float64(k), Y: 100 * float64(below) / float64(c.Any)})
		below += c.Excess[k]
		points = append(points, plotter.XY{X: float64(k), Y: 100 * float64(below) / float64(c.Any)})
	}
	return curve{name, points}
}

// costCurve is the share of batches that cost at most x.
func costCurve(name string, costs []float64) curve {
	points := plotter.XYs{}
	for i := 1; i <= 200; i++ {
		k := min(len(costs)-1, i*len(costs)/200)
		points = append(points, plotter.XY{X: costs[k], Y: float64(i) / 2})
	}
	return curve{name, points}
}

// draw writes a figure as SVG and PNG and returns the files' paths.
func draw(dir, name, title, x, y string, curves []curve, dots bool) ([]string, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, y
	p.Legend.Top, p.Legend.Left = false, false
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		line, points, err := plotter.NewLinePoints(c.points)
		if err != nil {
			return nil, fmt.Errorf("tnum-cgo22: draw %s: %w", name, err)
		}
		line.Color, points.Color, points.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		line.Dashes = plotutil.Dashes(i)
		p.Add(line)
		if dots {
			p.Add(points)
		}
		p.Legend.Add(c.name, line)
	}
	p.Y.Max = math.Max(p.Y.Max, 100)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("tnum-cgo22: draw %s: %w", name, err)
	}
	var files []string
	for _, ext := range []string{".svg", ".png"} {
		path := filepath.Join(dir, name+ext)
		if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, path); err != nil {
			return nil, fmt.Errorf("tnum-cgo22: draw %s: %w", name, err)
		}
		files = append(files, path)
	}
	return files, nil
}
