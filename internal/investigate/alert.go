package investigate

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/timerange"
)

// Alert is what the person on call knows: its words, its time and the services it names.
type Alert struct {
	Format   string    // recording, alertmanager, grafana, cloudwatch, sns, opensearch, json, text
	Text     string    // names, descriptions and reasons, joined
	Time     time.Time // when the condition was first met (zero if unknown)
	Services []string  // from labels and dimensions
	Start    time.Time // bounds of the data, where the alert says so
	End      time.Time
	Resolved bool   // the message says that the trouble is over
	Key      string // what the alerting system calls this alert, the same for its repetitions; "" if it does not say
}

// ErrSubscription is in the error of ParseAlert for the message by which SNS asks to confirm a subscription: no alert, and its
// URL is never fetched.
var ErrSubscription = errors.New("the message asks to confirm an SNS subscription, it is no alert")

// maxAlertBytes bounds an alert's body: webhooks are some kilobytes.
const maxAlertBytes = 1 << 20

// ParseAlert reads an alert: the alert.json of a recording, the webhook bodies of Alertmanager, Grafana, OpenSearch Alerting,
// CloudWatch (bare, by EventBridge, or wrapped by SNS), any other JSON object (its strings are the words), or plain text.
func ParseAlert(body []byte) (Alert, error) {
	if len(body) > maxAlertBytes {
		return Alert{}, fault.New(fault.TooLarge, "parse alert: %d bytes, more than %d", len(body), maxAlertBytes)
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(body), "\ufeff"))
	if strings.HasPrefix(text, "[") && json.Valid([]byte(text)) { // Alertmanager's own API takes a list of alerts
		text = `{"receiver":"","alerts":` + text + `}`
	}
	if !strings.HasPrefix(text, "{") {
		return Alert{Format: "text", Text: text, Time: timeIn(text)}, nil
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return Alert{}, fault.WithHint(fault.New(fault.InvalidArgument, "parse alert: %w", err), "The alert must be one JSON object or plain text.")
	}
	if err := subscription(doc); err != nil {
		return Alert{}, err
	}
	for _, p := range []func(map[string]any) (Alert, bool){recordingAlert, snsAlert, cloudwatchAlert, alertmanagerAlert, opensearchAlert} {
		if a, ok := p(doc); ok {
			return a, nil
		}
	}
	return anyAlert(doc), nil
}

func recordingAlert(d map[string]any) (Alert, bool) {
	rec, ok := d["recording"].(map[string]any)
	text, has := d["alert"].(string)
	if !ok || !has {
		return Alert{}, false
	}
	return Alert{
		Format: "recording", Text: text, Time: instant(d["alert_time"]), Services: texts(d["service"]),
		Start: instant(rec["start"]), End: instant(rec["end"]),
	}, true
}

// subscription refuses SNS's requests to confirm a subscription: fetching a URL because a message says so would let anybody who
// can post here make this process call what they like.
func subscription(d map[string]any) error {
	kind, _ := d["Type"].(string)
	if kind != "SubscriptionConfirmation" && kind != "UnsubscribeConfirmation" {
		return nil
	}
	topic, _ := d["TopicArn"].(string)
	return fault.WithHint(fault.New(fault.InvalidArgument, "parse alert: %w (topic %q)", ErrSubscription, topic),
		"Its SubscribeURL was not fetched. If the topic is yours, run: aws sns confirm-subscription --topic-arn %q --token TOKEN, with the Token of the message.", topic)
}

func snsAlert(d map[string]any) (Alert, bool) {
	msg, ok := d["Message"].(string)
	if !ok || d["TopicArn"] == nil {
		return Alert{}, false
	}
	a, err := ParseAlert([]byte(msg))
	if err != nil {
		a = Alert{Text: msg}
	}
	if s, _ := d["Subject"].(string); s != "" && !strings.Contains(a.Text, s) {
		a.Text = s + ". " + a.Text
	}
	if a.Time.IsZero() {
		a.Time = instant(d["Timestamp"])
	}
	a.Format = strings.TrimSuffix("sns/"+a.Format, "/")
	return a, true
}

func cloudwatchAlert(d map[string]any) (Alert, bool) {
	if det, ok := d["detail"].(map[string]any); ok && d["detail-type"] == "CloudWatch Alarm State Change" {
		state, _ := det["state"].(map[string]any)
		return Alert{
			Format: "cloudwatch", Text: joinText(det["alarmName"], state["reason"]), Services: dimensions(det),
			Time: firstTime(state["timestamp"], d["time"]), Resolved: state["value"] == "OK", Key: joinText(det["alarmName"]),
		}, true
	}
	if d["AlarmName"] == nil {
		return Alert{}, false
	}
	return Alert{
		Format: "cloudwatch", Text: joinText(d["AlarmName"], d["AlarmDescription"], d["NewStateReason"]), Services: dimensions(d),
		Time: firstTime(d["StateChangeTime"], d["StateUpdatedTimestamp"]), Resolved: d["NewStateValue"] == "OK", Key: joinText(cmp.Or(d["AlarmArn"], d["AlarmName"])),
	}, true
}

// alertmanagerAlert reads Prometheus Alertmanager's webhook body (version 4) and Grafana's, which is the same with a title.
func alertmanagerAlert(d map[string]any) (Alert, bool) {
	list, ok := d["alerts"].([]any)
	if !ok || d["commonLabels"] == nil && d["groupLabels"] == nil && d["receiver"] == nil {
		return Alert{}, false
	}
	a := Alert{Format: "alertmanager"}
	if d["orgId"] != nil || d["title"] != nil {
		a.Format = "grafana"
	}
	a.Key, _ = d["groupKey"].(string)
	firing := 0
	var words []any
	words = append(words, d["title"])
	for _, x := range list {
		one, _ := x.(map[string]any)
		if one["status"] != "resolved" {
			firing++
		}
		labels, _ := one["labels"].(map[string]any)
		notes, _ := one["annotations"].(map[string]any)
		words = append(words, labels["alertname"], notes["summary"], notes["description"], notes["message"])
		a.Services = append(a.Services, serviceLabels(labels)...)
		if t := instant(one["startsAt"]); !t.IsZero() && (a.Time.IsZero() || t.Before(a.Time)) && one["status"] != "resolved" {
			a.Time = t
		}
	}
	if len(words) == 1 {
		words = append(words, d["message"])
	}
	a.Resolved = firing == 0 && len(list) > 0 || d["status"] == "resolved"
	a.Text, a.Services = joinText(words...), unique(a.Services)
	return a, true
}

// opensearchAlert reads the bodies that OpenSearch Alerting's message templates commonly send (ctx written out).
func opensearchAlert(d map[string]any) (Alert, bool) {
	if c, ok := d["ctx"].(map[string]any); ok {
		d = c
	}
	monitor, trigger := d["monitor"], d["trigger"]
	if monitor == nil && trigger == nil && d["monitor_name"] == nil && d["trigger_name"] == nil {
		return Alert{}, false
	}
	name := func(v any) any {
		if m, ok := v.(map[string]any); ok {
			return m["name"]
		}
		return v
	}
	a := Alert{
		Format: "opensearch", Text: joinText(name(monitor), d["monitor_name"], name(trigger), d["trigger_name"], d["subject"], d["message"]),
		Services: unique(append(texts(d["service"]), serviceLabels(d)...)),
		Time:     firstTime(d["period_end"], d["periodEnd"], d["start_time"], d["alert_time"], d["timestamp"]),
		Key:      joinText(name(monitor), d["monitor_name"], name(trigger), d["trigger_name"]),
	}
	if a.Time.IsZero() {
		a.Time = timeIn(a.Text)
	}
	state, _ := cmp.Or(d["state"], d["alert_state"]).(string)
	a.Resolved = strings.EqualFold(state, "COMPLETED")
	return a, true
}

func anyAlert(d map[string]any) Alert {
	a := Alert{Format: "json", Services: serviceLabels(d)}
	var words []any
	for _, k := range sortedKeys(d) {
		v, ok := d[k].(string)
		if !ok {
			continue
		}
		if t := instant(v); !t.IsZero() {
			if a.Time.IsZero() {
				a.Time = t
			}
			continue
		}
		words = append(words, v)
	}
	a.Text = joinText(words...)
	if a.Time.IsZero() {
		a.Time = timeIn(a.Text)
	}
	return a
}

// endWords and anyTime find the time that an alert's prose gives: after the words of OpenSearch Alerting's default message, else
// the only one there is.
var (
	endWords = regexp.MustCompile(`(?i)period end\w*:?\s*(\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)`)
	anyTime  = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?`)
)

// timeIn reads a time out of prose, zero when it gives none or several that differ.
func timeIn(text string) time.Time {
	if m := endWords.FindStringSubmatch(text); m != nil {
		return instant(strings.TrimRight(m[1], "."))
	}
	all := unique(anyTime.FindAllString(text, -1))
	if len(all) == 1 {
		return instant(all[0])
	}
	return time.Time{}
}

// serviceLabels are the values of labels that usually name a service.
func serviceLabels(labels map[string]any) []string {
	var out []string
	for _, k := range []string{"service", "service_name", "service.name", "serviceName", "app", "app_kubernetes_io_name", "deployment", "job"} {
		out = append(out, texts(labels[k])...)
	}
	return unique(out)
}

// dimensions are the values of a CloudWatch alarm's dimensions that name a service.
func dimensions(d map[string]any) []string {
	trigger, _ := d["Trigger"].(map[string]any)
	list, _ := trigger["Dimensions"].([]any)
	var out []string
	for _, x := range list {
		dim, _ := x.(map[string]any)
		name, _ := cmp.Or(dim["name"], dim["Name"]).(string)
		if strings.Contains(strings.ToLower(name), "service") {
			out = append(out, texts(cmp.Or(dim["value"], dim["Value"]))...)
		}
	}
	return unique(out)
}

func texts(v any) []string {
	switch x := v.(type) {
	case string:
		if x != "" {
			return []string{x}
		}
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, texts(e)...)
		}
		return out
	}
	return nil
}

func joinText(parts ...any) string {
	var out []string
	for _, p := range parts {
		if s, ok := p.(string); ok {
			if s = strings.TrimSpace(s); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return strings.Join(out, ". ")
}

func firstTime(vs ...any) time.Time {
	for _, v := range vs {
		if t := instant(v); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// instant reads a time as alerts write it; anything else is the zero time.
func instant(v any) time.Time {
	switch x := v.(type) {
	case float64:
		if x > 1e12 {
			return time.UnixMilli(int64(x)).UTC()
		}
	case string:
		if len(x) < len("2006-01-02") || x[0] < '0' || x[0] > '9' {
			return time.Time{}
		}
		if t, err := time.Parse("2006-01-02T15:04:05.000-0700", x); err == nil { // CloudWatch
			return t.UTC()
		}
		if t, err := timerange.Instant(x, time.Time{}); err == nil && t.Year() > 1980 {
			return t
		}
	}
	return time.Time{}
}

func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
