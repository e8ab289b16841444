package command

import (
	"strings"

	"github.com/plumbline-mcp/plumbline/internal/ppl/syntax"
)

func mlSpec() Spec {
	return Spec{
		Name: "ml", Syntax: "ml action='train' algorithm='rcf'|'kmeans' [OPTION=VALUE ..]",
		Doc: "Trains and applies: rcf as ad does, kmeans as kmeans does. Trained models are kept by a cluster alone.", Parse: parseML,
	}
}

// parseML reads ml as the command it stands for.
func parseML(p *syntax.Parser, n node) Command {
	opts := map[string]string{}
	options(p, opts)
	action, algorithm := strings.ToLower(opts["action"]), strings.ToLower(opts["algorithm"])
	if action != "train" && action != "trainandpredict" && p.Err() == nil {
		p.Fail(n.at, "ml action='%s' needs a model of ML Commons, which a cluster keeps", opts["action"]).
			WithHint("Here ml action='train' trains and applies at once: algorithm='rcf' or algorithm='kmeans'.")
	}
	switch algorithm {
	case "kmeans":
		k := &KMeans{node: n, word: "ml", Options: opts}
		k.read(p)
		return k
	case "rcf":
		d := &Detect{node: n, word: "ml", Options: opts}
		d.fields(p)
		return d
	}
	if p.Err() == nil {
		p.Fail(n.at, "ml has no algorithm '%s' here", opts["algorithm"]).WithHint("The algorithms are rcf and kmeans.")
	}
	return &Detect{node: n, word: "ml", Options: opts}
}
