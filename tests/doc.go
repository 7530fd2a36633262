// Package tests holds what crosses packages. What needs Node or Chromium, and the official suites, whose cases are
// about fractions of a second and want the machine for themselves, has the build tag full, which make test sets.
package tests
