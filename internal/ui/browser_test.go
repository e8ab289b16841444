package ui_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium, spoken to over its debugging pipe.
type browser struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	id      int
	session string
	said    []string // what the page logged
}

// chromium starts one, or skips the test where there is none (Debian: apt-get install chromium).
func chromium(t *testing.T) *browser {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REQUIRE_LIVE") == "1" {
			t.Fatal("chromium is not installed and REQUIRE_LIVE=1: apt-get install chromium")
		}
		t.Skip("chromium is not installed: apt-get install chromium")
	}
	theirs, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), name, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--window-size=1300,900",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	c.ExtraFiles = []*os.File{theirs, theirOut}
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirOut.Close()
	b := &browser{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		b.session = ""
		_, _ = b.try("Browser.close", nil)
		in.Close()
		_ = c.Wait()
		out.Close()
	})
	target := b.call("Target.createTarget", map[string]any{"url": "about:blank"})["targetId"]
	b.session, _ = b.call("Target.attachToTarget", map[string]any{"targetId": target, "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page.enable", "Log.enable", "Runtime.enable"} {
		b.call(domain, nil)
	}
	return b
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result map[string]any  `json:"result"`
	Error  *struct{ Message string }
}

// try sends a command and waits for its answer; what the page logs meanwhile is kept.
func (b *browser) try(method string, params map[string]any) (map[string]any, error) {
	b.id++
	m := map[string]any{"id": b.id, "method": method, "params": params}
	if params == nil {
		m["params"] = map[string]any{}
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	if _, err := b.in.Write(append(raw, 0)); err != nil {
		return nil, err
	}
	for {
		got, err := b.read()
		switch {
		case err != nil:
			return nil, err
		case got.ID != b.id:
			continue
		case got.Error != nil:
			return nil, errors.New(got.Error.Message)
		}
		return got.Result, nil
	}
}

func (b *browser) read() (message, error) {
	var m message
	raw, err := b.out.ReadBytes(0)
	if err != nil {
		return m, err
	}
	err = json.Unmarshal(bytes.TrimRight(raw, "\x00"), &m)
	if m.Method == "Log.entryAdded" || m.Method == "Runtime.exceptionThrown" || m.Method == "Runtime.consoleAPICalled" {
		b.said = append(b.said, string(m.Params))
	}
	return m, err
}

func (b *browser) call(method string, params map[string]any) map[string]any {
	b.t.Helper()
	out, err := b.try(method, params)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	return out
}

// open goes to a page and waits until it is loaded.
func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": url})
	for {
		m, err := b.read()
		if err != nil {
			b.t.Fatal(err)
		}
		if m.Method == "Page.loadEventFired" {
			return
		}
	}
}

// eval is the value of an expression in the page.
func (b *browser) eval(js string) any {
	b.t.Helper()
	r := b.call("Runtime.evaluate", map[string]any{"expression": js, "returnByValue": true})
	if r["exceptionDetails"] != nil {
		b.t.Fatalf("%s: %v", js, r["exceptionDetails"])
	}
	result, _ := r["result"].(map[string]any)
	return result["value"]
}

// press presses keys, one after the other.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		p := map[string]any{"type": "keyDown", "key": k}
		if len(k) == 1 {
			p["text"] = k
		}
		if k == "Enter" {
			p["text"], p["windowsVirtualKeyCode"] = "\r", 13
		}
		b.call("Input.dispatchKeyEvent", p)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": k})
	}
}

// look takes a screenshot and returns how bright it is, 0 to 255, and how many colours it has. With UI_SCREENSHOTS the pictures are
// kept in that directory, to be looked at.
func (b *browser) look(name string) (bright float64, colours int) {
	b.t.Helper()
	data, _ := b.call("Page.captureScreenshot", map[string]any{"format": "png"})["data"].(string)
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		b.t.Fatal(err)
	}
	if dir := os.Getenv("UI_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o600); err != nil {
			b.t.Error(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	seen, n := map[uint32]bool{}, 0.0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y += 3 {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x += 3 {
			r, g, bl, _ := img.At(x, y).RGBA()
			bright += (.299*float64(r) + .587*float64(g) + .114*float64(bl)) / 257
			seen[r>>12<<8|g>>12<<4|bl>>12] = true
			n++
		}
	}
	return bright / n, len(seen)
}

func TestPagesInABrowser(t *testing.T) {
	web, b := site(t), chromium(t)
	pages := map[string]string{
		"services": "/ui/?" + window, "map": "/ui/map?" + window, "traces": "/ui/traces?" + window, "trace": "/ui/trace?id=" + traceID(239), "logs": "/ui/logs?compare=1&" + window,
		"metrics": "/ui/metrics?query=queue_depth", "agents": "/ui/agents", "agent": "/ui/agent?id=" + strings.Repeat("a", 32), "incident": "/ui/incident?run=1&alert=errors",
	}
	for name, path := range pages {
		for _, theme := range []string{"light", "dark"} {
			b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}})
			b.open(web.URL + path)
			bright, colours := b.look(name + "-" + theme)
			if theme == "light" && bright < 200 || theme == "dark" && bright > 70 || colours < 12 {
				t.Errorf("%s, %s: brightness %.0f, %d colours", name, theme, bright, colours)
			}
			if wide := b.eval("document.documentElement.scrollWidth - innerWidth"); wide != 0.0 {
				t.Errorf("%s: the page is %v pixels wider than the window", name, wide)
			}
		}
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 420, "height": 900, "deviceScaleFactor": 1, "mobile": true})
	for name, path := range pages {
		b.open(web.URL + path)
		b.look(name + "-small")
		if wide, _ := b.eval("document.documentElement.scrollWidth - innerWidth").(float64); wide > 0 {
			t.Errorf("%s: on a small screen the page is %v pixels too wide", name, wide)
		}
	}
	for _, s := range b.said {
		t.Errorf("the browser complains: %s", s)
	}
}

func TestKeys(t *testing.T) {
	web, b := site(t), chromium(t)
	focused := "document.activeElement.closest('.rows tr, .tree .span')?.textContent.trim().replace(/\\s+/g, ' ') ?? ''"
	b.open(web.URL + "/ui/traces?" + window)
	b.press("j", "j")
	second, _ := b.eval(focused).(string)
	b.press("k")
	if first, _ := b.eval(focused).(string); first == "" || first == second || !strings.Contains(first, traceID(239)) {
		t.Errorf("j, j went to %q, k to %q", second, first)
	}
	b.press("/")
	for _, k := range traceID(237) {
		b.press(string(k))
	}
	if n := b.eval("document.querySelectorAll('#traces tbody tr:not([hidden])').length"); n != 1.0 {
		t.Errorf("the filter leaves %v rows, want 1", n)
	}
	b.press("Escape", "j", "Enter")
	for range 100 {
		if at, _ := b.eval("location.pathname + location.search").(string); strings.Contains(at, traceID(237)) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.open(web.URL + "/ui/trace?id=" + traceID(239))
	visible := "[...document.querySelectorAll('.tree .span')].filter((e) => e.checkVisibility()).length"
	before := b.eval(visible)
	b.press("j", "ArrowLeft")
	if after := b.eval(visible); before != 4.0 || after != 1.0 {
		t.Errorf("%v spans before folding, %v after", before, after)
	}
	b.press("ArrowRight", "j")
	if at, _ := b.eval(focused).(string); !strings.Contains(at, "Pay") {
		t.Errorf("the second span is %q", at)
	}
	b.press("t")
	theme := b.eval("document.documentElement.dataset.theme")
	b.open(web.URL + "/ui/metrics")
	if kept := b.eval("document.documentElement.dataset.theme"); theme == nil || kept != theme {
		t.Errorf("theme %v, on the next page %v", theme, kept)
	}
	for _, s := range b.said {
		t.Errorf("the browser complains: %s", s)
	}
}
