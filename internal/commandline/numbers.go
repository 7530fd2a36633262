package commandline

import (
	"cmp"
	"flag"
	"fmt"
	"regexp"
	"time"
)

// Given reports whether a flag is among those that were parsed, with whatever value.
func Given(f *flag.FlagSet, name string) (given bool) {
	f.Visit(func(one *flag.Flag) { given = given || one.Name == name })
	return given
}

// Least returns an error that says what is allowed when a flag was given and is less than that, or is no number. One
// that was not given has its default, which may be outside, to stand for none.
func Least[N cmp.Ordered](f *flag.FlagSet, name string, least N) error {
	value, given := number[N](f, name)
	if given && !(value >= least) {
		return fmt.Errorf("-%s is %v: it goes from %v", name, value, least)
	}
	return nil
}

// Between is Least for a flag that has an upper bound, too.
func Between[N cmp.Ordered](f *flag.FlagSet, name string, least, most N) error {
	value, given := number[N](f, name)
	if given && !(value >= least && value <= most) {
		return fmt.Errorf("-%s is %v: it goes from %v to %v", name, value, least, most)
	}
	return nil
}

func number[N cmp.Ordered](f *flag.FlagSet, name string) (value N, given bool) {
	return f.Lookup(name).Value.(flag.Getter).Get().(N), Given(f, name)
}

// unread are errors of the package flag about text that is no value of its flag.
var unread = regexp.MustCompile(`^(invalid value ".*" for flag -(\S+)): (parse error|value out of range)$`)

// explained returns an error of the package flag, or what it means for a flag that is a number or a time.
func explained(f *flag.FlagSet, err error) error {
	m := unread.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	write := ""
	switch f.Lookup(m[2]).Value.(flag.Getter).Get().(type) {
	case int, int64:
		write = "write a whole number, such as 10"
	case uint, uint64:
		write = "write a whole number from 0"
	case float64:
		write = "write a number, such as 0.5"
	case time.Duration:
		write = "write a number with a unit, such as 500ms, 25s or 2h"
	default:
		return err
	}
	return fmt.Errorf("%s: %s", m[1], write)
}
