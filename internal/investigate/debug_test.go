package investigate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-mcp/plumbline/internal/investigate"
	"github.com/plumbline-mcp/plumbline/internal/trace/tracetest"
)

func TestDebug(t *testing.T) {
	pat := os.Getenv("INC")
	if pat == "" {
		t.Skip("INC")
	}
	for _, g := range strings.Split(pat, ",") {
		dirs, _ := filepath.Glob(g)
		for _, d := range dirs {
			m, err := tracetest.Open(d)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := os.ReadFile(filepath.Join(d, "alert.json"))
			a, err := investigate.ParseAlert(body)
			if err != nil {
				t.Fatal(err)
			}
			truth, _ := os.ReadFile(filepath.Join(d, "truth.json"))
			out, err := investigate.Debug(t.Context(), m, investigate.Request{Alert: a})
			if err != nil {
				t.Fatal(err)
			}
			s := string(truth)
			if i := strings.Index(s, `"window"`); i >= 0 {
				s = strings.Join(strings.Fields(s[i:min(len(s), i+420)]), " ")
			}
			t.Logf("== %s %s\n%s\n%s", filepath.Base(d), a.Text, s, out)
		}
	}
}
