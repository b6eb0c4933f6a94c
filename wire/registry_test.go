package wire

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestAMessageTypeIsOneFileAndOneRow(t *testing.T) {
	files, err := filepath.Glob("msg_*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no msg_*.go files: %v", err)
	}
	declared := regexp.MustCompile(`(?m)^const Type(\w+) Type = \d+$`)
	names := map[string]string{}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := declared.FindAllStringSubmatch(string(src), -1)
		if len(found) != 1 {
			t.Errorf("%s declares %d message types, not one", file, len(found))
			continue
		}
		names[found[0][1]] = file
	}
	seen := map[Type]bool{}
	last := Type(0)
	for _, row := range Rows() {
		if seen[row.Type] || row.Type <= last {
			t.Errorf("%s: number %d is out of order or used twice", row.Name, row.Type)
		}
		seen[row.Type], last = true, row.Type
		file, ok := names[row.Name]
		if !ok || file != "msg_"+strings.ToLower(row.Name)+".go" {
			t.Errorf("%s has no file of its own", row.Name)
		}
		delete(names, row.Name)
		if row.Bound <= 0 || row.Bound > MaxFrame || row.Legal == 0 {
			t.Errorf("%s: bound %d or direction %d is missing", row.Name, row.Bound, row.Legal)
		}
	}
	for name, file := range names {
		t.Errorf("%s declares %s, which has no row", file, name)
	}
}

func TestIDsHaveOneTextForm(t *testing.T) {
	id := Hash("test", []byte("x"))
	text := id.String()
	if back, err := ParseID(text); err != nil || back != id {
		t.Fatalf("%s reads as %v (%v)", text, back, err)
	}
	for _, bad := range []string{"", text[:51], text + "a", strings.ToUpper(text), text[:51] + "1", text[:51] + "b", text[:51] + "="} {
		if bad == text {
			continue
		}
		if _, err := ParseID(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
