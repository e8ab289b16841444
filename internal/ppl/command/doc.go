// Package command holds the commands of PPL, one file each: how it is written, printed and compiled.
//
// A command is a node with three duties: String gives it back as PPL, Span says where it stands, Compile extends the relation
// that the commands before it made (package plan). Its Spec says how it is called and how it is read. All lists the specs; a
// test holds the list and the files together. A new command is a file here and a line in All.
package command
