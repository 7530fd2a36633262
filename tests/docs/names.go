package docs

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
)

// Row is a row of a page's table.
type Row struct {
	Section string // the heading above it
	Cells   []string
}

// Rows returns the rows of all tables of a page, without their heads.
func Rows(page string) (rows []Row) {
	section, head := "", true
	for line := range strings.Lines(fence.ReplaceAllString(page, "")) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case strings.HasPrefix(line, "|---"):
			head = false
		case !strings.HasPrefix(line, "|"):
			head = true
		case !head:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i, cell := range cells {
				cells[i] = strings.TrimSpace(cell)
			}
			rows = append(rows, Row{section, cells})
		}
	}
	return rows
}

var (
	declared = regexp.MustCompile(`(?m)^(?:export )?(?:declare )?(?:abstract )?(?:class|interface) (\w+)`)
	member   = regexp.MustCompile(`(?m)^    ((?:(?:private|protected|static|readonly|get|set|abstract) )*)(\w+)\??[(<:;]`)
)

// Members returns the public members of a class or an interface in TypeScript's declarations, as tsc writes them.
func Members(declarations, name string) (names []string, err error) {
	for _, m := range declared.FindAllStringSubmatchIndex(declarations, -1) {
		if declarations[m[2]:m[3]] != name {
			continue
		}
		body, _, ok := strings.Cut(declarations[m[1]:], "\n}")
		if !ok {
			break
		}
		for _, found := range member.FindAllStringSubmatch(body, -1) {
			inner := strings.Contains(found[1], "private ") || strings.Contains(found[1], "protected ")
			if !inner && found[2] != "constructor" && !strings.HasPrefix(found[2], "_") {
				names = append(names, found[2])
			}
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("found no class or interface %s with members", name)
	}
	return names, nil
}

// Exported returns what a package exports: Name, Type.Method and Type.Field.
func Exported(dir string) (map[string]bool, error) {
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	files, parsed := token.NewFileSet(), []*ast.File{}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	d, err := doc.NewFromFiles(files, parsed, dir)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	values(names, d.Consts, d.Vars)
	functions(names, "", d.Funcs)
	for _, t := range d.Types {
		names[t.Name] = true
		values(names, t.Consts, t.Vars)
		functions(names, "", t.Funcs)
		functions(names, t.Name+".", t.Methods)
		fields(names, t)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s exports nothing", dir)
	}
	return names, nil
}

func values(names map[string]bool, lists ...[]*doc.Value) {
	for _, list := range lists {
		for _, v := range list {
			for _, name := range v.Names {
				names[name] = ast.IsExported(name)
			}
		}
	}
}

func functions(names map[string]bool, before string, list []*doc.Func) {
	for _, f := range list {
		names[before+f.Name] = true
	}
}

func fields(names map[string]bool, t *doc.Type) {
	for _, spec := range t.Decl.Specs {
		s, ok := spec.(*ast.TypeSpec).Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				names[t.Name+"."+name.Name] = name.IsExported()
			}
		}
	}
}
