// Package ui serves a page for people: services with their health, the application map, traces as trees, log patterns, metrics and
// investigations, over the same domain functions as the tools.
//
// Pages are rendered on the server and work without a script; app.js adds the theme switch and keys. Nothing is loaded from outside,
// and the content security policy forbids it: no inline script, no inline style. Everything out of the data goes through html/template,
// which escapes it. Every page is a GET and changes nothing, so that each address can be kept and shared.
//
// Who may see it is decided before it: New returns a handler for the paths below Base and knows no authentication.
package ui
