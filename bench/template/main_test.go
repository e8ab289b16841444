package main

import (
	"testing"

	"github.com/plumbline-mcp/plumbline/bench/template/labelled"
	"github.com/plumbline-mcp/plumbline/internal/template"
)

// The goals of the design: grouping accuracy on the mean of the formats, and of each.
const (
	meanGoal   = .95
	formatGoal = .85
)

func TestGroupingAccuracyHoldsOnSeedsNobodyTunedOn(t *testing.T) {
	for _, seed := range []uint64{1, 77, 4242, 90210} {
		sum := 0.0
		for _, name := range labelled.Names() {
			lines, err := labelled.Generate(name, 2000, seed)
			if err != nil {
				t.Fatal(err)
			}
			groups, _ := mine(lines)
			acc := labelled.GroupingAccuracy(lines, groups)
			sum += acc
			if acc < formatGoal {
				t.Errorf("seed %d: %s %.3f, want %.2f", seed, name, acc, formatGoal)
			}
		}
		if mean := sum / float64(len(labelled.Names())); mean < meanGoal {
			t.Errorf("seed %d: mean %.3f, want %.2f", seed, mean, meanGoal)
		}
	}
}

// learntLines returns lines of four formats and their mean length in bytes.
func learntLines(b *testing.B) (lines []string, bytes int64) {
	b.Helper()
	for _, name := range []string{"hdfs", "hadoop", "spark", "zookeeper"} {
		got, err := labelled.Generate(name, 5000, 1)
		if err != nil {
			b.Fatal(err)
		}
		for _, l := range got {
			lines = append(lines, l.Text)
			bytes += int64(len(l.Text))
		}
	}
	return lines, bytes / int64(len(lines))
}

// BenchmarkLearntLines adds lines whose templates are learnt: the state a miner is in after the first seconds of a stream.
func BenchmarkLearntLines(b *testing.B) {
	lines, bytes := learntLines(b)
	m := template.New(template.Config{})
	for _, l := range lines {
		m.Add(l)
	}
	m.Templates()
	b.SetBytes(bytes)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Add(lines[i%len(lines)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkPlainDrain is the same for plain Drain: to be compared in one run.
func BenchmarkPlainDrain(b *testing.B) {
	lines, bytes := learntLines(b)
	d := newDrain()
	for _, l := range lines {
		d.add(l)
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.add(lines[i%len(lines)])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func TestTheMinerBeatsPlainDrain(t *testing.T) {
	ours, plain := 0.0, 0.0
	for _, name := range labelled.Names() {
		lines, err := labelled.Generate(name, 2000, 31)
		if err != nil {
			t.Fatal(err)
		}
		groups, _ := mine(lines)
		ours += labelled.GroupingAccuracy(lines, groups)
		plain += labelled.GroupingAccuracy(lines, mineDrain(lines))
	}
	if ours <= plain {
		t.Errorf("accuracy %.2f of 25, plain Drain %.2f", ours, plain)
	}
}
