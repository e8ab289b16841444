// Package tools is the frame of every tool: a typed function with a Spec becomes an MCP tool and a command of the CLI.
// It knows MCP and no domain. Words: a tool is one such function; a toolset is a package of them (tools/logs, tools/traces);
// the catalogue is the tools of one process.
//
// # Writing a tool
//
// One file in its toolset: the input, the output, the handler, WriteText; one line in the toolset's Tools.
//
//	type findInput struct {
//		Source string   `json:"source,omitempty" jsonschema:"source or path"`
//		Query  string   `json:"query" jsonschema:"PPL"`                // no omitempty: required
//		Format format   `json:"format,omitempty" jsonschema:"..."`     // a string type with Enum() []string
//		Names  []string `json:"names,omitempty" jsonschema:"..."`      // one value is taken as a list of one
//	}
//
//	func (in findInput) Validate() error            // optional: what types cannot say; fault errors
//
//	type findOutput struct { ... }                  // json tags: structured content and output schema
//	func (o findOutput) WriteText(w io.Writer)      // terse text from the same value
//
//	tools.New(tools.Spec{Name: "logs_find_x", ...}, func(ctx context.Context, in findInput) (findOutput, error) { ... })
//
// Rules of inputs: members are strings, enums, booleans, integers, floats, slices, structs and maps of these; a pointer or
// omitempty makes one optional; the jsonschema tag is its whole description, a short phrase. The frame refuses unknown names,
// converts "42" to 42, "true" to true and a value to a list of one, names what is missing, then calls Validate.
//
// Rules of outputs: a struct (or a pointer to one) that encoding/json can write: no NaN, no infinity. A member without omitempty
// is promised by the output schema; nil slices are written as empty lists. Times are time.Time in UTC. The text says the count
// first and the worst first, and at the end what was cut and the call that shows it. Text out of the data goes through Fence
// (several lines), Line or Cut (one line). A toolset keeps its default text within MaxText; the frame only cuts what is longer and
// keeps the rest readable under result://.
//
// Rules of errors: return fault errors; the code and the hint reach the agent as {"error":{code,message,hint}} and as text. No
// data found is no error. A panic becomes an internal error, is logged, and other calls go on.
package tools
