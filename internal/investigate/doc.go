// Package investigate goes from an alert to ranked suspects with evidence: it does the arithmetic a good engineer would do on
// spans, logs and metrics of one source, in one call and without a model.
//
// Words: a unit is the spans of one service with one operation, kind and target; a track is a series of counts per time bin
// (faults, slow spans, calls, a log pattern); the onset is where most tracks leave their usual course; the incident is the
// window from the onset on, the baseline the quiet time before it; a culprit is a service with the thing in it or behind it
// that bad traces are blamed on; a suspect is a culprit with its family, reasons, discriminating attributes and evidence;
// a distractor is what looks guilty and is not: it goes to Report.RuledOut with the reason.
//
// Steps, one file each: windows.go (onset), jobs.go and blame.go (error propagation, critical path differenced, calls, silence),
// red.go (rate, errors, duration), patterns.go (log patterns), change.go (change feed), attributes.go (attribute difference),
// common.go (cross-service factor), metrics.go (series), hygiene.go (clocks, retries, agents, traffic), suspect.go and
// classify.go (hypotheses), points.go (what speaks for which family), component.go (the most specific thing to blame), rank.go
// (score and what is ruled out), evidence.go (queries and exemplar traces).
package investigate
