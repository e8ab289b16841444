package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"github.com/spf13/cobra"

	"github.com/plumbline-mcp/plumbline/knowledge"
	"github.com/plumbline-mcp/plumbline/skills"
)

const markdown = "text/markdown"

// addDocuments serves skills as skill://CATEGORY/NAME/FILE and runbooks as knowledge://AREA/PAGE.
func addDocuments(m *server.MCPServer) error {
	all, err := skills.List(skills.Tree())
	if err != nil {
		return err
	}
	for _, s := range all {
		for _, f := range s.Files {
			name, about := s.Name, s.Description
			if f != s.Path {
				name, about = s.Name+"/"+path.Base(f), "Reference of skill "+s.Name+"."
			}
			addDocument(m, "skill://"+f, name, about, func() ([]byte, error) { return skills.Read(skills.Tree(), f) })
		}
	}
	pages, err := knowledge.List(knowledge.Tree())
	if err != nil {
		return err
	}
	for _, p := range pages {
		addDocument(m, "knowledge://"+p.Path, p.Title, "Runbook page.", func() ([]byte, error) { return knowledge.Read(knowledge.Tree(), p.Path) })
	}
	return nil
}

func addDocument(m *server.MCPServer, uri, name, about string, read func() ([]byte, error)) {
	m.AddResource(mcp.NewResource(uri, name, mcp.WithResourceDescription(about), mcp.WithMIMEType(markdown)),
		func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			b, err := read()
			if err != nil {
				return nil, err
			}
			return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: markdown, Text: string(b)}}, nil
		})
}

func skillsCommand(s *settings) *cobra.Command {
	c := &cobra.Command{Use: "skills", Short: "Show, install and judge the skills that Plumbline carries"}
	c.AddCommand(&cobra.Command{Use: "list", Short: "List the skills", Args: noArguments, RunE: func(*cobra.Command, []string) error {
		all, err := skills.List(skills.Tree())
		if err != nil {
			return err
		}
		for _, k := range all {
			first, _, _ := strings.Cut(k.Description, ". ")
			fmt.Fprintf(s.host.out, "%-32s %s\n", k.Category+"/"+k.Name, first)
		}
		return nil
	}}, &cobra.Command{Use: "show NAME", Short: "Print a skill", Args: oneArgument, RunE: func(_ *cobra.Command, args []string) error {
		k, err := skills.Find(skills.Tree(), path.Base(args[0]))
		if err != nil {
			return err
		}
		b, err := skills.Read(skills.Tree(), k.Path)
		if err != nil {
			return err
		}
		_, err = s.host.out.Write(b)
		return err
	}})
	c.AddCommand(skillsCommands(s)...)
	return c
}

func oneArgument(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("%s wants one argument, got %d", c.CommandPath(), len(args))
	}
	return nil
}
