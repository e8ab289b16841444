package agent

import (
	"regexp"
	"unicode/utf8"
)

// Bounds of messages shown.
const (
	maxMessage  = 2_000 // bytes of one message: enough to see what was asked or answered
	maxMessages = 12    // of one step; the last ones are the newest
)

// secrets are the forms of credentials that must not leave in a message: keys of known services by their prefix, bearer and
// basic authorisation, private keys, JSON web tokens, passwords in URLs, and values named as secrets.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
	regexp.MustCompile(`\b(?:sk|pk|rk)[-_](?:ant-|proj-|live_|test_)?[A-Za-z0-9_-]{16,}`),
	regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`),
	regexp.MustCompile(`\b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs])[-_][A-Za-z0-9_-]{10,}`),
	regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{30,}`),
	regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`),
	regexp.MustCompile(`(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`),
	regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]*)://[^\s/:@"']+:[^\s/@"']+@`),
	regexp.MustCompile(`(?i)["']?\b[\w-]*(?:password|passwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|private[_-]?key|credential)[\w-]*\\?["']?\s*[:=]\s*(?:\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|[^\s,;&}"']+)`),
}

// redacted stands in the place of a secret.
const redacted = "[redacted]"

// Redact replaces what looks like a credential.
func Redact(text string) string {
	for _, re := range secrets {
		text = re.ReplaceAllString(text, redacted)
	}
	return text
}

// message redacts and bounds one text.
func message(role, text string) Message {
	const window = 16 * maxMessage // a secret is looked for in what may be shown and a good way beyond
	m := Message{Role: role, Cut: max(0, len(text)-maxMessage)}
	text = Redact(cut(text, window))
	m.Text = cut(text, maxMessage)
	return m
}

// cut returns at most n bytes of s, never within a rune.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
