// Command bundle writes the index of the bundled runbooks: go generate ./knowledge.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/plumbline-mcp/plumbline/internal/embed/minilm"
	store "github.com/plumbline-mcp/plumbline/internal/knowledge"
	"github.com/plumbline-mcp/plumbline/knowledge"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bundle OUT")
		os.Exit(2)
	}
	e := minilm.New(minilm.Config{})
	report, err := store.Bundle(context.Background(), knowledge.Tree(), os.Args[1], e, e.Count)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "%d pages, %d chunks\n", report.Files, report.Chunks)
}
