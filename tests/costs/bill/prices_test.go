//go:build full

package bill

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// priceLine is a line of cmd/doze/prices.go, where all prices stand.
var priceLine = regexp.MustCompile(`(?m)^\t(\w+)\s+= price\{([0-9.]+), ([0-9.e]+),`)

// prices returns what one unit of each thing costs, in USD.
func prices(t *testing.T) map[string]float64 {
	t.Helper()
	file, err := os.ReadFile("../../../cmd/doze/prices.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, m := range priceLine.FindAllStringSubmatch(string(file), -1) {
		usd, err1 := strconv.ParseFloat(m[2], 64)
		per, err2 := strconv.ParseFloat(m[3], 64)
		if err1 != nil || err2 != nil || usd == 0 || per == 0 {
			t.Fatalf("cmd/doze/prices.go has %q", m[0])
		}
		all[m[1]] = usd / per
	}
	for _, name := range []string{"httpRequests", "webSocketMessages", "lambdaRequests", "readUnits", "writeUnits", "queueRequests", "logData"} {
		if all[name] == 0 {
			t.Fatalf("cmd/doze/prices.go has no %s", name)
		}
	}
	return all
}
