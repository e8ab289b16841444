package repair

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
)

// Options say how the commands of a plan are written.
type Options struct {
	Hbck2   string // path of HBCK2's jar; DefaultHbck2
	Sudo    string // before commands of HBase's user; DefaultSudo, "-" for nothing
	Version string // of HBase, if the bundle does not tell or tells wrong
	Root    string // hbase.rootdir, likewise
}

// Where EMR keeps the jar of the operator tools, and how HBase's user is become there.
const (
	DefaultHbck2 = "/usr/lib/hbase-operator-tools/hbase-hbck2.jar"
	DefaultSudo  = "sudo -u hbase"
)

func (o *Options) defaults() {
	if o.Hbck2 == "" {
		o.Hbck2 = DefaultHbck2
	}
	switch o.Sudo {
	case "":
		o.Sudo = DefaultSudo
	case "-":
		o.Sudo = ""
	}
}

// Step is one command of a plan, or one thing a person does.
type Step struct {
	N        int      `json:"n"`                 // 1, 2, …
	Tool     Tool     `json:"tool"`              // which program; hand: a person acts
	Command  string   `json:"command"`           // as typed
	Args     []string `json:"args"`              // the tool's words, or the shell's lines
	Why      string   `json:"why"`               // what it does and why now
	Risk     string   `json:"risk"`              // what may go wrong
	Downtime string   `json:"downtime"`          // what does not answer meanwhile
	DataLoss string   `json:"data_loss"`         // what is lost, "none" where nothing is
	Wait     string   `json:"wait"`              // how long until the next step
	Precheck string   `json:"precheck"`          // a command that shows that the step still fits
	Verify   string   `json:"verify"`            // a command that shows that it worked
	Undo     string   `json:"undo"`              // how to take it back
	ReadOnly bool     `json:"read_only"`         // only looks
	Destroys bool     `json:"destroys"`          // takes rows or files away: to be confirmed
	Fixes    []string `json:"fixes"`             // the findings it is for
	Forks    []Fork   `json:"forks,omitempty"`   // what to do instead, and when
	Regions  []string `json:"regions,omitempty"` // encoded names it touches

	command  Command
	precheck *Check
	verify   *Check
	goal     *Check        // shows that a later step has been there: then this one is not needed either
	patience time.Duration // how long verify may take to hold
	instead  []Command     // does the same where the tool lacks the command
	phase    phase
	table    string
}

// Cmd returns the command in parts.
func (s *Step) Cmd() Command { return s.command }

// Before returns the precheck, nil if there is none.
func (s *Step) Before() *Check { return s.precheck }

// After returns the verification, nil if there is none.
func (s *Step) After() *Check { return s.verify }

// Patience is how long the verification may take to hold.
func (s *Step) Patience() time.Duration { return s.patience }

// Fork is another way, and the fact it depends on.
type Fork struct {
	When     string   `json:"when"`     // the fact
	Ask      string   `json:"ask"`      // the command that shows it
	Commands []string `json:"commands"` // to run instead of the step
	Why      string   `json:"why"`
}

// Left is a root that a plan does not repair by itself.
type Left struct {
	Finding string `json:"finding"`
	Why     string `json:"why"`
	Next    string `json:"next"` // what to do about it
}

// Plan repairs what a report found.
type Plan struct {
	ID           string   `json:"id"`            // a hash of its content: the same evidence gives the same plan
	HBaseVersion string   `json:"hbase_version"` // "" unknown
	Storage      string   `json:"storage"`       // hdfs or s3
	RootDir      string   `json:"root_dir"`      // hbase.rootdir
	Steps        []Step   `json:"steps"`
	Final        []string `json:"verification"` // what must hold after the last step
	Avoid        []string `json:"avoid"`        // what looks right and does harm here
	Left         []Left   `json:"left"`         // not repaired by a step
	Follow       []string `json:"consequences"` // findings that go with their root
	Warnings     []string `json:"warnings"`     // about the evidence and the version

	final   []Check
	options Options
}

// Checks returns what must hold after the last step.
func (p *Plan) Checks() []Check { return p.final }

// Options returns how the plan's commands are written, with the defaults filled in.
func (p *Plan) Options() Options { return p.options }

// Step returns the step of a number, nil if there is none.
func (p *Plan) Step(n int) *Step {
	if n < 1 || n > len(p.Steps) {
		return nil
	}
	return &p.Steps[n-1]
}

// phase orders the steps of a plan.
type phase int

// The phases. Descriptors come before a restart if there is one: the running master still remembers them.
const (
	phaseMaster phase = iota
	phaseServers
	phaseDescriptorsEarly
	phaseTableStates
	phaseBadRows   // rows nothing can read
	phaseAddRows   // from folders
	phaseExtraRows // without folders
	phaseRestart
	phaseAssignEarly // what fixMeta needs open, and what was added
	phaseReopen      // for .regioninfo: a region that is merged should have one
	phaseJanitor
	phaseFixMeta
	phaseJanitorAgain
	phaseDescriptors
	phaseFiles
	phaseFolders
	phaseAssign
	phaseHeal // what usually heals by itself
)

// finish orders, numbers and names the steps.
func (p *Plan) finish() error {
	slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Or(cmp.Compare(a.phase, b.phase), cmp.Compare(a.table, b.table)) })
	h := sha256.New()
	for i := range p.Steps {
		s := &p.Steps[i]
		s.N, s.Tool, s.Command, s.Args = i+1, s.command.Tool, s.command.Line(p.options), s.command.Args
		s.Precheck, s.Verify = s.precheck.Line(p.options), s.verify.Line(p.options)
		for _, c := range s.commands() {
			if err := Allowed(c); err != nil {
				return err
			}
		}
	}
	for i := range p.final {
		p.Final = append(p.Final, p.final[i].Line(p.options))
	}
	p.ID = ""
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	h.Write(raw)
	p.ID = "plan-" + hex.EncodeToString(h.Sum(nil))[:12]
	return nil
}

// done lists the checks of which one that holds makes the step needless: its own verification, its goal, and that of the merge
// that its regions go into.
func (p *Plan) done(s *Step) []*Check {
	var out []*Check
	if s.verify == nil || s.ReadOnly {
		return nil
	}
	out = append(out, s.verify)
	if s.goal != nil {
		out = append(out, s.goal)
	}
	if m := p.merged(s); m != nil {
		out = append(out, m.verify)
	}
	return out
}

// merged returns the fixMeta that a step's regions go into, nil if they stay: after it their rows are gone.
func (p *Plan) merged(s *Step) *Step {
	for i := s.N; i < len(p.Steps); i++ {
		if later := &p.Steps[i]; later.phase == phaseFixMeta && slices.ContainsFunc(s.Regions, func(r string) bool { return slices.Contains(later.Regions, r) }) {
			return later
		}
	}
	return nil
}

// commands lists every command that running the step runs.
func (s *Step) commands() []Command {
	out := append([]Command{s.command}, s.instead...)
	for _, c := range []*Check{s.precheck, s.verify, s.goal} {
		if c != nil {
			out = append(out, c.Command)
		}
	}
	return out
}
