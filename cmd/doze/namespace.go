package main

import (
	"flag"
	"strings"
)

// namespaceFlag adds the flag -namespace. A name without its slash gets it, as with Of.
func namespaceFlag(f *flag.FlagSet, otherwise, usage string) *string {
	name := otherwise
	f.Var((*namespaceValue)(&name), "namespace", usage)
	return &name
}

// namespaceValue is the value of such a flag.
type namespaceValue string

var _ flag.Getter = (*namespaceValue)(nil)

func (v *namespaceValue) String() string { return string(*v) }

// Get implements flag.Getter.
func (v *namespaceValue) Get() any { return string(*v) }

// Set implements flag.Value.
func (v *namespaceValue) Set(name string) error {
	if name != "" && !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	*v = namespaceValue(name)
	return nil
}
