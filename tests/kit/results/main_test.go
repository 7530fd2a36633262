package main

import (
	"strings"
	"testing"
)

func TestGroupsAreAddedUp(t *testing.T) {
	var all sum
	for _, group := range []string{
		`{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Test":"TestX","Output":"{\"Action\":\"fail\"}\n"}
{"Action":"pass","Package":"a","Test":"TestX/one"}
{"Action":"pass","Package":"a","Test":"TestX"}
{"Action":"skip","Package":"a","Test":"TestY"}
{"Action":"pass","Package":"a"}
{"Action":"start","Package":"none"}
{"Action":"skip","Package":"none"}`,
		`{"Action":"start","Package":"b"}
{"Action":"start","Package":"panics"}
{"Action":"start","Package":"killed"}
{"Action":"fail","Package":"b","Test":"TestZ"}
{"Action":"fail","Package":"b"}
{"Action":"fail","Package":"panics"}
{"Action":"fail","Package":"does not build"}
{"Action":"pass","Package":"killed","Test":"TestK"}`,
	} {
		if err := all.add(strings.NewReader(group)); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	all.print(&b)
	const want = `failed: b TestZ
failed: does not build
failed: killed did not end
failed: panics
skipped: a TestY
1 skipped
3 passed, 4 failed
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if err := all.add(strings.NewReader(`{"Action":"pa`)); err == nil {
		t.Error("half a file is taken for a whole one")
	}
}
