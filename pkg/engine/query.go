package engine

import "net/url"

// single returns a query with one value of each name: the last, which is the one that counts in the reference server.
func single(q url.Values) url.Values {
	one := make(url.Values, len(q))
	for name, values := range q {
		if n := len(values); n > 0 {
			one[name] = values[n-1:]
		}
	}
	return one
}
