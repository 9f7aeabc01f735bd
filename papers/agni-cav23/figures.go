package agnicav23

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// series is a named set of times by operator; NaN where there is none.
type series struct {
	name    string
	seconds []float64
}

// violationSeries takes times from rows, and the published ones beside them.
func violationSeries(gen, sro []Row) (names []string, all []series) {
	place := map[string]int{}
	for i, r := range gen {
		place[r.Op.Name] = i
		names = append(names, r.Op.Name)
	}
	for _, rows := range [][]Row{gen, sro} {
		if len(rows) == 0 {
			continue
		}
		here, there := empty(len(names)), empty(len(names))
		for _, r := range rows {
			i := place[r.Op.Name]
			here[i] = r.Elapsed.Seconds()
			if p, ok := PublishedFor(r.Op, r.Condition); ok && p.Seconds > 0 {
				there[i] = p.Seconds
			}
		}
		cond := rows[0].Condition.String()
		all = append(all, series{cond + ", here", here}, series{cond + ", published", there})
	}
	return names, all
}

// draw writes a figure of times by operator, on a logarithmic scale, as SVG and
// PNG and returns the files' paths.
func draw(dir, name, title, x string, operators []string, all []series) ([]string, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, x, "time to decide (s)"
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for i, s := range all {
		var points plotter.XYs
		for k, y := range s.seconds {
			if !math.IsNaN(y) {
				points = append(points, plotter.XY{X: float64(k), Y: max(y, 1e-3)})
			}
		}
		if len(points) == 0 {
			continue
		}
		scatter, err := plotter.NewScatter(points)
		if err != nil {
			return nil, fmt.Errorf("agni-cav23: draw %s: %w", name, err)
		}
		scatter.Color, scatter.Shape = plotutil.Color(i), plotutil.Shape(i)
		p.Add(scatter)
		p.Legend.Add(s.name, scatter)
	}
	p.NominalX(operators...)
	p.X.Tick.Label.Rotation = math.Pi / 2
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = text.XRight, text.YCenter
	if p.Y.Min >= p.Y.Max { // a single point has no scale
		p.Y.Max = 10 * p.Y.Min
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("agni-cav23: draw %s: %w", name, err)
	}
	var files []string
	for _, ext := range []string{".svg", ".png"} {
		path := filepath.Join(dir, name+ext)
		if err := p.Save(24*vg.Centimeter, 12*vg.Centimeter, path); err != nil {
			return nil, fmt.Errorf("agni-cav23: draw %s: %w", name, err)
		}
		files = append(files, path)
	}
	return files, nil
}
