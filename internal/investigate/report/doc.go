// Package report renders an investigation for people: one self-contained HTML page (inline SVG and CSS, no script, nothing
// loaded from outside) or Markdown for a chat.
//
// Collect gathers what the page shows from the engine; HTML and Markdown render it. Everything that came out of the data is
// escaped and shown as data.
package report
