package template_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-mcp/plumbline/internal/template"
)

// texts returns the templates of the lines with their counts.
func texts(m *template.Miner) map[string]int64 {
	out := map[string]int64{}
	for _, t := range m.Templates() {
		out[t.Text] += t.Count
	}
	return out
}

func mine(lines ...string) *template.Miner {
	m := template.New(template.Config{})
	for _, l := range lines {
		m.Add(l)
	}
	return m
}

func TestValuesAreMaskedByTheirForm(t *testing.T) {
	for line, want := range map[string]string{
		"took 12 ms":                              "took <DUR>",
		"took 12ms from 10.0.3.7":                 "took <DUR> from <IP>",
		"user 4711 logged in":                     "user <NUM> logged in",
		"read 1029 bytes":                         "read <SIZE>",
		"id 550e8400-e29b-41d4-a716-446655440000": "id <UUID>",
		"open /var/log/app/x.log failed":          "open <PATH> failed",
		"at 2026-05-27T18:20:00Z done":            "at <TIME> done",
		"pointer 0x7ffeefbff5c8 freed":            "pointer <HEX> freed",
		"GET https://shop.example/cart/7 ok":      "GET <URL> ok",
		"mail to anna@mail.example queued":        "mail to <EMAIL> queued",
	} {
		if d := cmp.Diff(map[string]int64{want: 1}, texts(mine(line))); d != "" {
			t.Errorf("%q: %s", line, d)
		}
	}
}

func TestLinesThatDifferInOneManyValuedWordAreOneTemplate(t *testing.T) {
	m := template.New(template.Config{})
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		m.Add("session closed for user u" + string(rune('a'+r.IntN(26))) + string(rune('a'+r.IntN(26))) + string(rune('a'+r.IntN(26))))
	}
	if got := len(m.Templates()); got != 1 {
		t.Errorf("%d templates, want 1: %v", got, texts(m))
	}
}

func TestLinesThatDifferInTheirVerbStayApart(t *testing.T) {
	m := template.New(template.Config{})
	for i := range 300 {
		m.Add(fmt.Sprintf("connection %d opened by peer", i))
		m.Add(fmt.Sprintf("connection %d refused by peer", i))
	}
	if d := cmp.Diff(map[string]int64{"connection <NUM> opened by peer": 300, "connection <NUM> refused by peer": 300}, texts(m)); d != "" {
		t.Error(d)
	}
}

func TestTheSameLinesGiveTheSameTemplatesAndStableIds(t *testing.T) {
	lines := make([]string, 0, 500)
	r := rand.New(rand.NewPCG(2, 2))
	for range 500 {
		lines = append(lines, fmt.Sprintf("worker %d finished job %x in %d ms", r.IntN(9), r.Uint64(), r.IntN(900)), fmt.Sprintf("cache miss for key k%d", r.IntN(5000)))
	}
	if d := cmp.Diff(mine(lines...).Templates(), mine(lines...).Templates()); d != "" {
		t.Error(d)
	}
}

func TestResolveLeadsFromEveryIdToItsTemplateAndCountsAddUp(t *testing.T) {
	m := template.New(template.Config{})
	counts := map[int]int64{}
	for i := range 1000 {
		counts[m.Add(fmt.Sprintf("order %d of tenant t%d stored", i, i%300))]++
	}
	byTemplate := make([]int64, len(m.Templates()))
	for id, n := range counts {
		i := m.Resolve(id)
		if i < 0 {
			t.Fatalf("id %d has no template", id)
		}
		byTemplate[i] += n
	}
	var total int64
	for i, tpl := range m.Templates() {
		if tpl.Count != byTemplate[i] {
			t.Errorf("%q counts %d, its ids %d", tpl.Text, tpl.Count, byTemplate[i])
		}
		total += tpl.Count
	}
	if total != 1000 || m.Resolve(1<<30) != -1 {
		t.Errorf("total %d, unknown id %d", total, m.Resolve(1<<30))
	}
}

func TestMergeIsAsMiningAll(t *testing.T) {
	a, b, all := template.New(template.Config{}), template.New(template.Config{}), template.New(template.Config{})
	for i := range 400 {
		l := fmt.Sprintf("shard %d moved to node n%d", i, i%90)
		[]*template.Miner{a, b}[i%2].Add(l)
		all.Add(l)
	}
	ids := a.Merge(b)
	for _, id := range ids {
		if a.Resolve(id) < 0 {
			t.Errorf("id %d of the merged miner leads nowhere", id)
		}
	}
	if d := cmp.Diff(texts(all), texts(a)); d != "" {
		t.Error(d)
	}
}

func TestMemoryIsBoundedHoweverDifferentTheLinesAre(t *testing.T) {
	m := template.New(template.Config{MaxShapes: 256})
	r := rand.New(rand.NewPCG(3, 3))
	word := func() string {
		b := make([]byte, 3+r.IntN(8))
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	highest := 0
	for range 20_000 {
		highest = max(highest, m.Add(word()+" "+word()+" "+word()))
	}
	if limit := 8*256 + 200; highest >= limit {
		t.Errorf("the highest id is %d, want below %d", highest, limit)
	}
	var total int64
	for _, tpl := range m.Templates() {
		total += tpl.Count
	}
	if total != 20_000 {
		t.Errorf("%d lines counted of 20000", total)
	}
}

func TestAnyBytesAreALine(t *testing.T) {
	m := mine("", " ", "\x00\xff\xfe", "[[[[", "<*> <NUM>", "a\nb\nc")
	if n := len(m.Templates()); n == 0 {
		t.Error("no template")
	}
}

func FuzzAdd(f *testing.F) {
	for _, s := range []string{"took 5 ms", `{"a":"b","c":[1,2]}`, "x=1 y=\"2", "[1.2.3.4]:80 <-> [::1]", "é\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m := template.New(template.Config{MaxShapes: 64})
		id := m.Add(line)
		if m.Resolve(id) < 0 {
			t.Errorf("%q: id %d leads nowhere", line, id)
		}
	})
}

func TestTemplatesThatDifferInAValueOfSeveralWordsAreOne(t *testing.T) {
	var lines []string
	for _, p := range []string{"Chrome.exe", "Chrome.exe *64", "Dropbox.exe", "Skype.exe *64", "fetch.exe"} {
		for _, kind := range []string{"HTTPS", "SOCKS5"} {
			lines = append(lines, p+" - shop.example.com:443 open through proxy lan.example.com:8080 "+kind)
		}
	}
	for _, why := range []string{
		"disk gone", "no route left today", "lease lost", "quota of tenant spent", "peer hung up", "bad key", "gate closed early", "clock skew too large",
		"mirror away", "token void", "name clash in region",
	} {
		lines = append(lines, "node stopped: "+why)
	}
	for _, client := range []string{"WindowsAgent", "Arbiter", "SPP", "Defender", "Backup", "Sync", "Index", "Print", "Disk Image Manager"} {
		lines = append(lines, "Session 12_34 initialized by client "+client+".")
	}
	got := texts(mine(lines...))
	if len(got) != 3 {
		t.Errorf("%d templates, want 3: %v", len(got), got)
	}
}

func TestWordsThatCombineFreelyAreValues(t *testing.T) {
	var lines []string
	for _, from := range []string{"NEW", "QUEUED", "RUNNING"} {
		for _, to := range []string{"QUEUED", "RUNNING", "DONE"} {
			for range 20 {
				lines = append(lines, "task moved from "+from+" to "+to)
			}
		}
	}
	for range 30 {
		lines = append(lines, "Starting main loop", "Ending main loop", "Starting recovery phase", "Ending recovery phase")
	}
	got := texts(mine(lines...))
	if _, ok := got["task moved from <*> to <*>"]; !ok || len(got) != 5 {
		t.Errorf("templates %v, want the move as one and four phases apart", got)
	}
}

func TestRoutesAndMissingValuesAreValues(t *testing.T) {
	got := texts(mine(
		`10.0.0.1 - - "GET / HTTP/1.1" 200`, `10.0.0.2 - alice "GET /x HTTP/1.1" 404`, `10.0.0.2 - bob "GET /y HTTP/1.1" 200`,
		"handling GET /product/{id} headers=3", "handling GET / headers=9", "handling GET /cart headers=4"))
	for _, want := range []string{"<IP> - <*> <STR> <NUM>", "handling GET <PATH> headers=<NUM>"} {
		if _, ok := got[want]; !ok {
			t.Errorf("no template %q in %v", want, got)
		}
	}
}
