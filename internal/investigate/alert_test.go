package investigate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
)

func TestParseAlertReadsWhatAlertingSystemsSend(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		body string
		want investigate.Alert
	}{
		"the alert of a recording": {
			`{"alert":"Errors above 3 %.","alert_time":"2026-05-01T12:30:00Z","recording":{"start":"2026-05-01T12:00:00Z","end":"2026-05-01T13:00:00Z"},"files":["x"]}`,
			investigate.Alert{Format: "recording", Text: "Errors above 3 %.", Time: at, Start: at.Add(-30 * time.Minute), End: at.Add(30 * time.Minute)},
		},
		"alertmanager with two alerts takes the earlier firing one": {
			`{"version":"4","receiver":"team","groupLabels":{},"commonLabels":{},"alerts":[
			 {"status":"resolved","labels":{"alertname":"Old"},"annotations":{},"startsAt":"2026-05-01T01:00:00Z"},
			 {"status":"firing","labels":{"alertname":"HighErrors","service":"cart"},"annotations":{"summary":"cart fails"},"startsAt":"2026-05-01T12:30:00.000Z"},
			 {"status":"firing","labels":{"alertname":"HighErrors","service":"web"},"annotations":{"summary":"web fails"},"startsAt":"2026-05-01T12:31:00Z"}]}`,
			investigate.Alert{Format: "alertmanager", Text: "Old. HighErrors. cart fails. web fails", Time: at, Services: []string{"cart", "web"}},
		},
		"grafana": {
			`{"receiver":"hook","orgId":1,"title":"[FIRING:1] Slow","alerts":[{"status":"firing","labels":{"alertname":"Slow"},"annotations":{"description":"p95 tripled"},"startsAt":"2026-05-01T14:30:00+02:00"}],"commonLabels":{}}`,
			investigate.Alert{Format: "grafana", Text: "[FIRING:1] Slow. Slow. p95 tripled", Time: at},
		},
		"cloudwatch wrapped by sns": {
			`{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:1:t","Subject":"ALARM: 5xx","Timestamp":"2026-05-01T12:31:00Z","Message":"{\"AlarmName\":\"5xx\",\"NewStateReason\":\"Threshold crossed\",\"StateChangeTime\":\"2026-05-01T12:30:00.000+0000\",\"Trigger\":{\"Dimensions\":[{\"name\":\"ServiceName\",\"value\":\"web\"},{\"name\":\"Env\",\"value\":\"prod\"}]}}"}`,
			investigate.Alert{Format: "sns/cloudwatch", Text: "ALARM: 5xx. 5xx. Threshold crossed", Time: at, Services: []string{"web"}, Key: "5xx"},
		},
		"cloudwatch by eventbridge": {
			`{"detail-type":"CloudWatch Alarm State Change","time":"2026-05-01T12:31:00Z","detail":{"alarmName":"p95","state":{"value":"ALARM","reason":"too slow","timestamp":"2026-05-01T12:30:00.000+0000"}}}`,
			investigate.Alert{Format: "cloudwatch", Text: "p95. too slow", Time: at, Key: "p95"},
		},
		"opensearch alerting": {
			`{"monitor":{"name":"error monitor"},"trigger":{"name":"too many"},"period_start":"2026-05-01T12:25:00Z","period_end":"2026-05-01T12:30:00Z","message":"count is 41","service":"checkout"}`,
			investigate.Alert{Format: "opensearch", Text: "error monitor. too many. count is 41", Time: at, Services: []string{"checkout"}, Key: "error monitor. too many"},
		},
		"opensearch alerting's default message": {
			"Monitor orders just entered alert status. Please investigate the issue.\n- Trigger: too slow\n- Severity: 1\n- Period start: 2026-05-01T12:25:00.000Z\n- Period end: 2026-05-01T12:30:00.000Z",
			investigate.Alert{Format: "text", Text: "Monitor orders just entered alert status. Please investigate the issue.\n- Trigger: too slow\n- Severity: 1\n- Period start: 2026-05-01T12:25:00.000Z\n- Period end: 2026-05-01T12:30:00.000Z", Time: at},
		},
		"the same wrapped for a chat": {
			`{"text":"Monitor orders: Period end: 2026-05-01T12:30:00Z"}`,
			investigate.Alert{Format: "json", Text: "Monitor orders: Period end: 2026-05-01T12:30:00Z", Time: at},
		},
		"an alarm that is over": {
			`{"AlarmName":"5xx","AlarmArn":"arn:aws:cloudwatch:eu-west-1:1:alarm:5xx","NewStateValue":"OK","NewStateReason":"fine again","StateChangeTime":"2026-05-01T12:30:00.000+0000"}`,
			investigate.Alert{Format: "cloudwatch", Text: "5xx. fine again", Time: at, Resolved: true, Key: "arn:aws:cloudwatch:eu-west-1:1:alarm:5xx"},
		},
		"a bare list as Alertmanager's interface takes it": {
			`[{"labels":{"alertname":"Lag","app":"ledger"},"annotations":{"summary":"lag grows"},"startsAt":"2026-05-01T12:30:00Z"}]`,
			investigate.Alert{Format: "alertmanager", Text: "Lag. lag grows", Time: at, Services: []string{"ledger"}},
		},
		"json of another system": {
			`{"summary":"disk full","when":"2026-05-01 12:30:00","app":"db"}`,
			investigate.Alert{Format: "json", Text: "db. disk full", Time: at, Services: []string{"db"}},
		},
		"plain text": {"users complain", investigate.Alert{Format: "text", Text: "users complain"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := investigate.ParseAlert([]byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("alert (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseAlertRefusesBrokenJSON(t *testing.T) {
	if _, err := investigate.ParseAlert([]byte(`{"a":`)); err == nil {
		t.Error("broken JSON was taken for an alert")
	}
}

func TestParseAlertRefusesToConfirmASubscription(t *testing.T) {
	_, err := investigate.ParseAlert([]byte(`{"Type":"SubscriptionConfirmation","TopicArn":"arn:aws:sns:eu-west-1:1:t","Token":"abc","SubscribeURL":"https://sns.example/?Token=abc","Message":"You have chosen to subscribe"}`))
	if !errors.Is(err, investigate.ErrSubscription) {
		t.Fatalf("error %v, want ErrSubscription", err)
	}
	if hint := fault.HintOf(err); !strings.Contains(hint, "aws sns confirm-subscription --topic-arn \"arn:aws:sns:eu-west-1:1:t\"") {
		t.Errorf("hint %q does not say what to do", hint)
	}
}
