package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
)

func printed(t *testing.T, format string) string {
	t.Helper()
	var out bytes.Buffer
	p, err := New(format, "conform", &out, 3, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Result{
		{ID: "A1", Name: "good", Section: "wire, IDs", Trace: []Bytes{{Out: true, What: "record", Data: []byte{0xaa}}}},
		{ID: "A2", Name: "bad # <one>", Expected: "a Close", Got: "silence", Problem: "no Close", Trace: []Bytes{{Out: true, What: "record", Data: []byte{0xbe, 0xef}}}},
		{ID: "A3", Name: "not run", Skipped: "no user is served"},
	} {
		if err := p.Result(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTextShowsTheBytesOfWhatFailedAndNotOfWhatPassed(t *testing.T) {
	got := printed(t, "text")
	for _, want := range []string{"ok   A1", "FAIL A2", "expected  a Close", "→ record: beef", "skip A3", "1 passed, 1 failed, 1 not run"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "record: aa") {
		t.Errorf("the bytes of a case that passed are shown:\n%s", got)
	}
}

func TestJSONHasALineForEachCase(t *testing.T) {
	var passed []bool
	for line := range strings.Lines(printed(t, "json")) {
		var v struct{ Passed bool }
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		passed = append(passed, v.Passed)
	}
	if len(passed) != 3 || !passed[0] || passed[1] || passed[2] {
		t.Errorf("passed: %v", passed)
	}
}

func TestTAPCountsAndEscapes(t *testing.T) {
	got := printed(t, "tap")
	for _, want := range []string{"TAP version 14\n1..3\n", "ok 1 - A1 good\n", "not ok 2 - A2 bad \\# <one>\n", "not ok 3 - A3 not run # SKIP no user is served\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
}

func TestJUnitIsXMLWithTheFailuresCounted(t *testing.T) {
	var v struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Skipped  int `xml:"skipped,attr"`
		Cases    []struct {
			Name    string `xml:"name,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(printed(t, "junit")), &v); err != nil {
		t.Fatal(err)
	}
	if v.Tests != 3 || v.Failures != 1 || v.Skipped != 1 || len(v.Cases) != 3 || v.Cases[1].Failure == nil || v.Cases[1].Failure.Message != "no Close" {
		t.Errorf("%+v", v)
	}
}

func TestAnUnknownFormatIsRefused(t *testing.T) {
	if _, err := New("html", "", nil, 0, false); err == nil {
		t.Error("html is accepted")
	}
}
