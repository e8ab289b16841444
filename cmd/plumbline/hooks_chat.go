package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/investigate/report"
)

// chat posts to a Slack-compatible incoming webhook: POST {"text": ...}.
type chat struct {
	url    string
	client *http.Client
	wait   time.Duration // before the second try; doubles
}

// Bounds of posting.
const (
	chatTries   = 4
	chatWait    = 500 * time.Millisecond
	chatMaxWait = 30 * time.Second // what a Retry-After may ask for
	chatTimeout = 10 * time.Second // of one try
	maxChatText = 3_500            // bytes; Slack cuts at 4,000 characters
)

// newChat reads the URL and checks it against the list; without a URL there is no chat.
func (p *process) newChat() (*chat, error) {
	raw := p.host.env("PLUMBLINE_HOOKS_URL")
	if f := p.config.Hooks.URLFile; f != "" {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fault.WithCode(fmt.Errorf("read the webhook URL: %w", err), fault.InvalidArgument)
		}
		raw = string(b)
	}
	if raw = strings.TrimSpace(raw); raw == "" {
		return nil, nil //nolint:nilnil // no URL, no chat: the results are kept for GET
	}
	if err := allowed(raw, p.config.Hooks.Allow); err != nil {
		return nil, err
	}
	client := &http.Client{
		Timeout:       chatTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a redirect would leave the list
	}
	return &chat{url: raw, client: client, wait: chatWait}, nil
}

// allowed checks a webhook URL: https except on loopback, no user, and one of the prefixes, host and path. The URL itself is a
// secret and stays out of the error.
func allowed(raw string, prefixes []string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return fault.New(fault.InvalidArgument, "the webhook URL for results is not a plain URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fault.New(fault.InvalidArgument, "the webhook URL for results must be https")
	}
	for _, p := range prefixes {
		a, err := url.Parse(strings.TrimSpace(p))
		if err != nil || a.Host == "" {
			return fault.New(fault.InvalidArgument, "hooks.allow: %q is no URL such as https://hooks.slack.com/services/", p)
		}
		path := strings.TrimSuffix(a.EscapedPath(), "/")
		inside := u.EscapedPath() == path || strings.HasPrefix(u.EscapedPath(), path+"/")
		if a.Scheme == u.Scheme && strings.EqualFold(a.Host, u.Host) && inside && !strings.Contains(u.Path, "..") {
			return nil
		}
	}
	return fault.WithHint(fault.New(fault.PermissionDenied, "the webhook URL for results (host %s) is not under hooks.allow", u.Host),
		"Add its beginning to hooks.allow, for instance https://hooks.slack.com/services/.")
}

// post sends a text; it tries again after network errors, 429 and 5xx.
func (c *chat) post(ctx context.Context, text string) error {
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return fmt.Errorf("post the result: %w", err)
	}
	wait := c.wait
	for try := 1; ; try++ {
		after, err := c.once(ctx, body)
		if err == nil || after < 0 || try == chatTries {
			return err
		}
		t := time.NewTimer(min(max(wait, after), chatMaxWait))
		select {
		case <-ctx.Done():
			t.Stop()
			return errors.Join(err, context.Cause(ctx))
		case <-t.C:
		}
		wait *= 2
	}
}

// once tries once. The duration is what to wait at least before the next try, negative when there should be none.
func (c *chat) once(ctx context.Context, body []byte) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return -1, fault.New(fault.InvalidArgument, "post the result: the URL is not usable")
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the URL is a secret
		}
		return 0, fmt.Errorf("post the result: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)) // so that the connection can be used again
	switch {
	case res.StatusCode < 300:
		return 0, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		s, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return time.Duration(max(0, s)) * time.Second, fault.New(fault.Unavailable, "post the result: answered %d", res.StatusCode)
	}
	return -1, fault.New(fault.PermissionDenied, "post the result: answered %d", res.StatusCode)
}

// chatText is the result as a chat shows it: short, with what came from data quoted, and nothing that would ring a channel.
func chatText(a investigate.Alert, d *report.Data, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*Alert:* %s\n", slackText(a.Text, 300))
	if err != nil {
		fmt.Fprintf(&b, "*Investigation failed:* %s\n", slackText(err.Error(), 500))
		return b.String()
	}
	v := d.Verdict
	fmt.Fprintf(&b, "*Verdict:* %s\n", slackText(v.Summary, 600))
	for i := range v.Suspects {
		s := &v.Suspects[i]
		fmt.Fprintf(&b, "%d. *%s*: %s (%s)\n", s.Rank, slackText(s.Service, 80), slackText(s.Component, 120), strings.ReplaceAll(string(s.Family), "_", " "))
		if i > 0 {
			continue
		}
		for _, r := range s.Reasons[:min(len(s.Reasons), 4)] {
			fmt.Fprintf(&b, "    • %s\n", slackText(r, 200))
		}
		for _, id := range s.EvidenceIDs()[:min(len(s.EvidenceIDs()), 4)] {
			fmt.Fprintf(&b, "    `%s`\n", strings.ReplaceAll(slackText(id, 300), "`", "'"))
		}
	}
	for _, r := range v.RuledOut[:min(len(v.RuledOut), 3)] {
		fmt.Fprintf(&b, "ruled out: %s: %s\n", slackText(r.Subject, 80), slackText(r.Reason, 160))
	}
	fmt.Fprintf(&b, "*Next:* %s %s", slackText(v.NextStep, 300), slackText(v.Refute, 300))
	return b.String()[:min(b.Len(), maxChatText)]
}

var slackMarks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\n", " ", "\r", " ", "@", "@\u200b")

// slackText escapes what Slack would take for a mention, a link or a channel, and cuts.
func slackText(s string, n int) string {
	s = strings.ToValidUTF8(s, "")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return slackMarks.Replace(s)
}
