package remote

// What the contract tests look at.
var (
	ParseAnswer = parseAnswer
	PluginError = pluginError
)
