package tests

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dozeio/doze/"

// layers says which packages of Doze the packages of a folder may import besides those of the folder itself. A name
// with a slash at its end stands for a folder and everything below it. The first rule that fits a package counts.
var layers = []struct{ folder, may string }{
	{"pkg/protocol", ""},
	{"pkg/rooms", ""},
	{"pkg/acks", ""},
	{"pkg/notes", ""},
	{"pkg/gateway", ""},
	{"pkg/site", ""},
	{"pkg/observe", ""},
	{"pkg/engine", "pkg/observe pkg/protocol"},
	{"pkg/socketio/socketiotest", "internal/testparts pkg/socketio pkg/acks pkg/engine pkg/rooms pkg/protocol pkg/store/memory"},
	{"pkg/socketiotest", "pkg/socketio pkg/engine pkg/rooms pkg/protocol pkg/store/memory"},
	{"pkg/socketio", "internal/instrument pkg/acks pkg/engine pkg/notes pkg/observe pkg/rooms pkg/protocol"},
	{"pkg/admin", "internal/instrument pkg/notes pkg/socketio"},
	{"pkg/apigw/outgoing", "internal/awswire internal/sqsask pkg/engine"},
	{"pkg/apigw", "internal/sqsask pkg/engine pkg/observe"},
	{"pkg/store/storetest", "pkg/acks pkg/engine pkg/notes pkg/rooms tests/kit/fakeclock"},
	{"pkg/store/dynamo", "internal/awsfault internal/awswire pkg/acks pkg/engine pkg/notes pkg/rooms"},
	{"pkg/store", "pkg/acks pkg/engine pkg/notes pkg/rooms"},
	{"internal/elsewhere", "pkg/apigw/outgoing pkg/engine pkg/socketio pkg/store/dynamo"},
	{"pkg/emitter", "internal/elsewhere pkg/socketio"},
	{"internal/instrument", "pkg/notes"},
	{"internal/testparts", "pkg/engine pkg/store/memory"},
	{"internal/awsfault", ""},
	{"internal/awswire", ""},
	{"internal/sqsask", "internal/awsfault"},
	{"internal/deadletters", "internal/sqsask pkg/apigw/outgoing"},
	{"internal/doctor", "internal/awsfault pkg/engine pkg/store/dynamo"},
	{"internal/stackmetrics", "internal/awsfault pkg/engine pkg/store/dynamo"},
	{"internal/jobqueue", "internal/sqsask pkg/apigw pkg/apigw/outgoing"},
	{"internal/control", "pkg/engine pkg/protocol pkg/rooms pkg/socketio"},
	{"internal/scrape", "pkg/observe"},
	{"internal/direct", "pkg/engine pkg/gateway pkg/observe"},
	{"internal/oneprocess", "internal/control internal/direct internal/scrape pkg/apigw pkg/apigw/outgoing pkg/engine pkg/gateway pkg/observe pkg/rooms pkg/site pkg/socketio pkg/store/memory"},
	{"internal/commandline", ""},
	{"internal/heapfloor", ""},
	{"pkg/devcommand", "internal/commandline internal/heapfloor internal/jobqueue internal/oneprocess pkg/admin pkg/apigw pkg/apigw/outgoing pkg/site pkg/socketio pkg/store/dynamo pkg/verify/counterpart"},
	{"pkg/devserver", "internal/oneprocess pkg/engine pkg/gateway pkg/socketio"},
	{"pkg/verify/counterpart", "pkg/socketio"},
	{"pkg/verify", ""},
	// What an application is made of, doze new writes and the README shows: no name of the engine is needed for it.
	{"app", "pkg/socketio"},
	{"functions/backend", "pkg/"},
	{"functions", "app pkg/apigw"},
	{"cmd/doze/project/app", "pkg/socketio"},
	{"cmd/doze/project", "pkg/devcommand"},
	{"tests/docs/program/app", "pkg/socketio"},
	{"tests/docs/program", "pkg/devserver pkg/socketio"},
	{"examples/presence/app", "pkg/socketio"},
	{"examples/cursors/app", "pkg/socketio"},
	{"examples/progress/app", "pkg/socketio"},
	{"examples/progress/checksum", "pkg/apigw/outgoing"},
	{"examples", "pkg/devcommand"},
	{"cmd", "app internal/ pkg/"},
	{"tests", "app functions/ cmd/ internal/ pkg/"},
}

// applications are the folders of applications. Their tests may import, of Doze, what testsMay says; pkg/protocol is
// for packets that a client sends as they are.
const (
	applications = "app/ cmd/doze/project/ tests/docs/program/ examples/presence/ examples/cursors/ examples/progress/app"
	testsMay     = "pkg/socketio pkg/socketio/socketiotest pkg/devserver pkg/protocol"
)

// reaches says who may depend on modules of AWS, directly or not.
var reaches = []struct{ what, prefixes, may string }{
	{"the AWS SDK", "github.com/aws/aws-sdk-go-v2 github.com/aws/smithy-go",
		"internal/ pkg/apigw pkg/apigw/outgoing pkg/emitter pkg/store/dynamo pkg/devserver pkg/devcommand functions/ cmd/ examples/presence examples/cursors examples/progress examples/progress/checksum tests/"},
	{"aws-lambda-go", "github.com/aws/aws-lambda-go", // the gateway makes its events, and the id that the Runtime API passes on
		"internal/direct internal/jobqueue internal/oneprocess pkg/apigw pkg/gateway pkg/gateway/runtimeapi pkg/devserver pkg/devcommand functions/ cmd/ examples/presence examples/cursors examples/progress examples/progress/checksum tests/"},
	{"Prometheus's client", "github.com/prometheus",
		"internal/scrape internal/oneprocess pkg/devserver pkg/devcommand cmd/ examples/presence examples/cursors examples/progress tests/"},
	{"what doze upgrade is made of", "github.com/rogpeppe/go-internal golang.org/x/mod", "cmd/doze tests/"},
}

// testsReach says whose tests may: those of an application link nothing of AWS.
const testsReach = "internal/ pkg/apigw pkg/apigw/outgoing pkg/emitter pkg/gateway/ pkg/store/ pkg/devserver pkg/devcommand pkg/verify functions/ cmd/ examples/progress/checksum tests/"

type goPackage struct {
	ImportPath, Name, Dir, ForTest string
	Standard                       bool
	Imports                        []string
	TestImports, XTestImports      []string
}

func TestLayers(t *testing.T) {
	packages := goList(t, "-deps")
	ours := 0
	for _, p := range packages {
		if strings.HasPrefix(p.ImportPath, module) {
			ours++
		}
	}
	if ours < 10 {
		t.Fatalf("go list found %d packages of Doze", ours)
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

func TestApplicationsTestsLinkNothingOfAWS(t *testing.T) {
	for _, v := range reached(goList(t, "-deps", "-test"), testsReach, true) {
		t.Error(v)
	}
}

// goList runs go list on everything, including what only the longer tests are made of.
func goList(t *testing.T, flags ...string) (packages []goPackage) {
	t.Helper()
	args := append([]string{"list", "-tags", "full", "-json=ImportPath,Name,Dir,ForTest,Standard,Imports,TestImports,XTestImports"}, flags...)
	cmd := exec.Command("go", append(args, "./...")...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	openSources(t)
	return packages
}

// openSources opens what go list has read, so that go test does not take an earlier result for this one's.
func openSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // it has gone meanwhile
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case strings.HasSuffix(name, ".go"):
			_, _ = os.Stat(name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// violations returns what is wrong, one sentence each.
func violations(packages []goPackage) (all []string) {
	for _, p := range packages {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours {
			continue
		}
		for _, bag := range []string{"util", "utils", "common", "helpers"} {
			if p.Name == bag || path.Base(name) == bag {
				all = append(all, name+" is a bag: name the package after what it provides")
			}
		}
		i := slices.IndexFunc(layers, func(l struct{ folder, may string }) bool { return within(name, l.folder) })
		if i < 0 {
			all = append(all, name+" belongs to no layer: give it a rule in tests/layers_test.go")
			continue
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module)
			if ours && !within(other, layers[i].folder) && !allowed(other, layers[i].may) {
				all = append(all, name+" imports "+other+", but may import of Doze only: "+cmp.Or(layers[i].may, "nothing"))
			}
		}
		if !allowed(name, applications) {
			continue
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			other, ours := strings.CutPrefix(imported, module)
			if ours && !within(other, layers[i].folder) && !allowed(other, testsMay) {
				all = append(all, "a test of "+name+" imports "+other+", but may import of Doze only: "+testsMay)
			}
		}
	}
	return append(all, reached(packages, "", false)...)
}

// reached returns who depends on modules of AWS without being allowed to; of the tests only, when tests is set.
func reached(packages []goPackage, may string, tests bool) (all []string) {
	imports := map[string][]string{}
	for _, p := range packages {
		imports[p.ImportPath] = p.Imports
	}
	for _, p := range packages {
		name, ours := strings.CutPrefix(p.ImportPath, module)
		if name, _, _ = strings.Cut(name, " "); !ours || tests != (p.ForTest != "") {
			continue
		}
		for _, r := range reaches {
			if !tests {
				may = r.may
			}
			if allowed(strings.TrimSuffix(name, "_test"), may) {
				continue
			}
			if chain := chainTo(imports, p.ImportPath, r.prefixes); chain != nil {
				all = append(all, name+" must not reach "+r.what+": "+strings.Join(chain, " -> "))
			}
		}
	}
	return all
}

// chainTo returns a shortest chain of imports from a package to one that begins with one of the prefixes.
func chainTo(imports map[string][]string, from, prefixes string) []string {
	chains := [][]string{{from}}
	seen := map[string]bool{from: true}
	for len(chains) > 0 {
		chain := chains[0]
		chains = chains[1:]
		for _, next := range imports[chain[len(chain)-1]] {
			longer := append(chain[:len(chain):len(chain)], next)
			for prefix := range strings.FieldsSeq(prefixes) {
				if within(next, prefix) {
					return longer
				}
			}
			if !seen[next] {
				seen[next] = true
				chains = append(chains, longer)
			}
		}
	}
	return nil
}

func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

func allowed(name, list string) bool {
	for entry := range strings.FieldsSeq(list) {
		if folder, all := strings.CutSuffix(entry, "/"); name == entry || all && within(name, folder) {
			return true
		}
	}
	return false
}

// TestLayersAreKept shows that each rule notices what it is there for, and names it.
func TestLayersAreKept(t *testing.T) {
	const sdk = "github.com/aws/aws-sdk-go-v2/aws"
	in := func(name string, imports ...string) goPackage {
		return goPackage{ImportPath: module + name, Name: path.Base(name), Imports: imports}
	}
	for _, c := range []struct {
		want     string // "" for nothing
		packages []goPackage
	}{
		{"", []goPackage{in("pkg/engine", "context", module+"pkg/protocol"), in("pkg/protocol"), in("pkg/apigw", sdk)}},
		{"", []goPackage{in("app", module+"app/page", module+"pkg/socketio"), in("pkg/engine/internal/x")}},
		{"pkg/protocol imports pkg/engine", []goPackage{in("pkg/protocol", module+"pkg/engine")}},
		{"pkg/rooms imports pkg/protocol", []goPackage{in("pkg/rooms", module+"pkg/protocol")}},
		{"pkg/gateway imports pkg/engine", []goPackage{in("pkg/gateway", module+"pkg/engine")}},
		{"pkg/engine imports pkg/rooms", []goPackage{in("pkg/engine", module+"pkg/rooms")}},
		{"pkg/socketio imports pkg/store/memory", []goPackage{in("pkg/socketio", module+"pkg/store/memory")}},
		{"pkg/apigw imports pkg/socketio", []goPackage{in("pkg/apigw", module+"pkg/socketio")}},
		{"pkg/store/memory imports pkg/socketio", []goPackage{in("pkg/store/memory", module+"pkg/socketio")}},
		{"app imports pkg/engine", []goPackage{in("app", module+"pkg/engine")}},
		{"functions/poll imports pkg/engine", []goPackage{in("functions/poll", module+"pkg/engine")}},
		{"", []goPackage{in("functions/poll", module+"app", module+"pkg/apigw", module+"functions/backend"), in("functions/backend", module+"pkg/engine")}},
		{"cmd/doze/project/cmd/dev imports pkg/engine", []goPackage{in("cmd/doze/project/cmd/dev", module+"pkg/engine")}},
		{"tests/docs/program/app imports pkg/engine", []goPackage{in("tests/docs/program/app", module+"pkg/engine")}},
		{"examples/presence/app imports pkg/engine", []goPackage{in("examples/presence/app", module+"pkg/engine")}},
		{"examples/progress/app imports pkg/apigw/outgoing", []goPackage{in("examples/progress/app", module+"pkg/apigw/outgoing")}},
		{"examples/cursors/app must not reach the AWS SDK", []goPackage{in("examples/cursors/app", sdk)}},
		{"examples/progress/checksum imports pkg/engine", []goPackage{in("examples/progress/checksum", sdk, module+"pkg/engine")}},
		{"examples/new/app imports pkg/socketio", []goPackage{in("examples/new/app", module+"pkg/socketio")}},
		{"a test of app imports pkg/engine", []goPackage{{ImportPath: module + "app", Name: "app", XTestImports: []string{module + "pkg/engine", module + "app"}}}},
		{"a test of cmd/doze/project/app imports pkg/rooms", []goPackage{{ImportPath: module + "cmd/doze/project/app", Name: "app",
			TestImports: []string{module + "pkg/rooms", module + "pkg/socketio/socketiotest"}}}},
		{"cmd/doze/project/cmd/dev imports internal/oneprocess", []goPackage{in("cmd/doze/project/cmd/dev", module+"internal/oneprocess")}},
		{"functions/backend imports internal/jobqueue", []goPackage{in("functions/backend", module+"internal/jobqueue")}},
		{"pkg/apigw imports internal/jobqueue", []goPackage{in("pkg/apigw", module+"internal/jobqueue")}},
		{"functions/poll imports internal/oneprocess", []goPackage{in("functions/poll", module+"internal/oneprocess")}},
		{"pkg/devserver imports tests/kit/fakeclock", []goPackage{in("pkg/devserver", module+"tests/kit/fakeclock")}},
		{"pkg/new belongs to no layer", []goPackage{in("pkg/new")}},
		{"pkg/socketio must not reach the AWS SDK: " + module + "pkg/socketio -> x -> " + sdk,
			[]goPackage{in("pkg/socketio", "x"), {ImportPath: "x", Imports: []string{sdk}}}},
		{"pkg/apigw/outgoing must not reach aws-lambda-go", []goPackage{in("pkg/apigw/outgoing", "github.com/aws/aws-lambda-go/events")}},
		{"pkg/emitter must not reach aws-lambda-go: " + module + "pkg/emitter -> x -> ",
			[]goPackage{in("pkg/emitter", "x"), {ImportPath: "x", Imports: []string{"github.com/aws/aws-lambda-go/events"}}}},
		{"pkg/engine must not reach aws-lambda-go", []goPackage{in("pkg/engine", "github.com/aws/aws-lambda-go/events")}},
		{"functions/poll must not reach Prometheus's client", []goPackage{in("functions/poll", "github.com/prometheus/client_golang/prometheus")}},
		{"pkg/engine/utils is a bag", []goPackage{in("pkg/engine/utils")}},
	} {
		got := violations(c.packages)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("want %q, got %q", c.want, got)
		}
	}
}
