package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/internal/fault"
	"github.com/plumbline-mcp/plumbline/skills"
	"github.com/plumbline-mcp/plumbline/tools"
)

// skillDirs says where each client looks for skills, below a project or the user's home.
func skillDirs() map[string]string {
	return map[string]string{"claude": ".claude", "kiro": ".kiro", "cursor": ".cursor", "codex": ".agents", "agents": ".agents"}
}

// installFlags are the flags of install, uninstall and diff.
type installFlags struct {
	client      string
	user, force bool
	dir         string
}

func (f *installFlags) bind(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&f.client, "client", "agents", "whose directory: claude, kiro, cursor, codex, agents")
	c.Flags().BoolVar(&f.user, "user", false, "in the home directory, for every project; otherwise in the working directory")
	c.Flags().StringVar(&f.dir, "dir", "", "this directory instead")
	return c
}

func (f *installFlags) target() (string, error) {
	if f.dir != "" {
		return f.dir, nil
	}
	dot, ok := skillDirs()[f.client]
	if !ok {
		return "", usageError{fault.WithHint(fault.New(fault.InvalidArgument, "unknown client %q", f.client), "The clients are: claude, kiro, cursor, codex, agents.")}
	}
	base := "."
	if f.user {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = home
	}
	return filepath.Join(base, dot, "skills"), nil
}

// skillsCommands are the commands that write or judge skills; skillsCommand has those that show them.
func skillsCommands(s *settings) []*cobra.Command {
	return []*cobra.Command{skillsInstall(s), skillsUninstall(s), skillsDiff(s), skillsValidate(s)}
}

func skillsInstall(s *settings) *cobra.Command {
	var f installFlags
	c := f.bind(&cobra.Command{
		Use: "install [NAME ...]", Short: "Write skills where a client finds them; edited files are left alone", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, names []string) error {
			dir, err := f.target()
			if err != nil {
				return err
			}
			plan, err := skills.Plan(skills.Tree(), dir, names)
			if err != nil {
				return err
			}
			kept, err := skills.Install(dir, version(), plan, f.force)
			if err != nil {
				return err
			}
			written := 0
			for _, p := range plan {
				if p.State == skills.Missing || p.State == skills.Outdated || p.State == skills.Edited && f.force {
					written++
				}
			}
			fmt.Fprintf(s.host.out, "%s: %d files, %d written, %d edited and left alone\n", dir, len(plan), written, len(kept))
			for _, k := range kept {
				fmt.Fprintf(s.host.out, "  %s\n", k.Path)
			}
			if len(kept) > 0 {
				return fault.WithHint(fault.New(fault.PermissionDenied, "%d files were edited", len(kept)), "--force replaces them.")
			}
			return nil
		},
	})
	c.Flags().BoolVar(&f.force, "force", false, "replace edited files too")
	return c
}

func skillsUninstall(s *settings) *cobra.Command {
	var f installFlags
	c := f.bind(&cobra.Command{
		Use: "uninstall [NAME ...]", Short: "Remove what install wrote", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, names []string) error {
			dir, err := f.target()
			if err != nil {
				return err
			}
			removed, kept, err := skills.Uninstall(dir, names, f.force)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.host.out, "%s: %d files removed, %d edited and left alone\n", dir, len(removed), len(kept))
			for _, k := range kept {
				fmt.Fprintf(s.host.out, "  %s\n", tools.Line(k))
			}
			return nil
		},
	})
	c.Flags().BoolVar(&f.force, "force", false, "remove edited files too")
	return c
}

func skillsDiff(s *settings) *cobra.Command {
	var f installFlags
	return f.bind(&cobra.Command{
		Use: "diff [NAME ...]", Short: "Show how installed skills stand to those of this program", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, names []string) error {
			dir, err := f.target()
			if err != nil {
				return err
			}
			plan, err := skills.Plan(skills.Tree(), dir, names)
			for _, p := range plan {
				fmt.Fprintf(s.host.out, "%-9s %s\n", p.State, p.Path)
			}
			return err
		},
	})
}

func skillsValidate(s *settings) *cobra.Command {
	return &cobra.Command{
		Use: "validate [DIR ...]", Short: "Judge skills by the Agent Skills specification; without DIR those of this program", Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, dirs []string) error {
			trees := map[string]fs.FS{}
			for _, d := range dirs {
				info, err := os.Stat(d)
				if err != nil || !info.IsDir() {
					return fault.New(fault.NotFound, "validate: %s is no directory", d)
				}
				full, err := filepath.Abs(d)
				if err != nil {
					return err
				}
				trees[full] = os.DirFS(full)
			}
			if len(dirs) == 0 {
				trees["skills"] = skills.Tree()
			}
			return validateTrees(s.host, trees)
		},
	}
}

func validateTrees(h host, trees map[string]fs.FS) error {
	found, bad := 0, 0
	for _, root := range slices.Sorted(maps.Keys(trees)) {
		err := fs.WalkDir(trees[root], ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.EqualFold(d.Name(), "SKILL.md") {
				return err
			}
			raw, err := fs.ReadFile(trees[root], p)
			if err != nil {
				return err
			}
			found++
			place := filepath.Join(root, filepath.FromSlash(p))
			problems := skills.Validate(raw, filepath.Base(filepath.Dir(place)))
			for _, problem := range problems {
				fmt.Fprintf(h.out, "%s: %s\n", place, tools.Line(problem))
			}
			if len(problems) > 0 {
				bad++
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("validate %s: %w", root, err)
		}
	}
	fmt.Fprintf(h.out, "%d skills, %d valid\n", found, found-bad)
	if bad > 0 || found == 0 {
		return errShown
	}
	return nil
}
