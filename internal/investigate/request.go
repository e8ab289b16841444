package investigate

import (
	"time"
)

// Request is what to investigate. Everything but the engine is optional: with nothing given, the whole source is searched
// for the strongest change.
type Request struct {
	Alert   Alert     // words, time and services of the alert
	Start   time.Time // the incident's window, if the caller knows it
	End     time.Time
	Service string // where the symptom is seen
	Detail  bool   // fill Report.Steps and a digest of every step in Report.Tables
	Step    Step   // fill Report.Tables with the table of this step
}

// request is a Request with its defaults resolved.
type request struct {
	alert      time.Time
	start, end time.Time
	text       string
	services   []string
	detail     bool
	step       Step
}

func (r Request) resolve() request {
	q := request{alert: r.Alert.Time, start: r.Start, end: r.End, text: r.Alert.Text, services: r.Alert.Services, detail: r.Detail, step: r.Step}
	if r.Service != "" {
		q.services = unique(append([]string{r.Service}, q.services...))
	}
	return q
}
