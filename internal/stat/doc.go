// Package stat holds the statistics that Plumbline's verdicts rest on: significance of count, share and latency changes,
// false-discovery control, robust outliers, quantiles, change points, trends and saturation.
//
// Every function is pure and allocates at most copies of its input. Words:
//
//   - a Test is a statistic and its two-sided p-value, the chance of a difference at least as big if nothing had changed;
//   - exposure is what counts are scaled by, usually seconds of a window;
//   - a q-value is a p-value after Benjamini-Hochberg: calling everything with q <= .05 significant makes at most 5 % of
//     the calls wrong on average;
//   - a change point is the index of the first sample of a new level.
//
// Inputs that make no sense for a test (no samples, no variance) give P = 1, never NaN: "no evidence of a difference".
package stat

// Test is the outcome of a significance test.
type Test struct {
	Stat float64 // the statistic: G, z, U, D or, for Fisher's test, the odds ratio (infinite when a cell is 0)
	P    float64 // two-sided p-value in [0, 1]
}
