// Package report prints the results of cases, one after another, for people
// (text), for programs (json, a JSON object a line), and in the two formats
// that test runners read (tap, junit).
package report

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Result is what came of one case.
type Result struct {
	ID       string        // short and stable, as "H07"
	Name     string        // what is tried
	Section  string        // of the specification
	Expected string        // what must come
	Got      string        // what came
	Problem  string        // empty: the case passed
	Skipped  string        // why it was not run; it then has not passed
	Trace    []Bytes       // what crossed the connection, in order
	Took     time.Duration //
}

// Passed tells whether the case was run and found nothing wrong.
func (r *Result) Passed() bool { return r.Problem == "" && r.Skipped == "" }

// Bytes are bytes that crossed the connection.
type Bytes struct {
	Out  bool // sent by the harness
	What string
	Data []byte
}

// maxShown bounds the bytes shown of one item of a trace, in bytes.
const maxShown = 4096

func (b Bytes) hex() string {
	if len(b.Data) > maxShown {
		return fmt.Sprintf("%x… (%d bytes)", b.Data[:maxShown], len(b.Data))
	}
	return hex.EncodeToString(b.Data)
}

// A Printer takes the results in order and ends with a summary.
type Printer interface {
	Result(Result) error
	End() error
}

// Formats are the names that New knows.
const Formats = "text,json,tap,junit"

// New returns the printer of a format for a run of so many cases. Verbose adds
// the bytes of cases that passed.
func New(format, suite string, w io.Writer, cases int, verbose bool) (Printer, error) {
	switch format {
	case "text":
		return &text{w: w, verbose: verbose}, nil
	case "json":
		return &lines{w: w, verbose: verbose}, nil
	case "tap":
		_, err := fmt.Fprintf(w, "TAP version 14\n1..%d\n", cases)
		return &tap{w: w}, err
	case "junit":
		return &junit{w: w, suite: suite}, nil
	}
	return nil, fmt.Errorf("report: the formats are %s, not %q", Formats, format)
}

type text struct {
	w                       io.Writer
	verbose                 bool
	passed, failed, skipped int
}

func (p *text) Result(r Result) error {
	state := "ok  "
	switch {
	case r.Problem != "":
		state = "FAIL"
		p.failed++
	case r.Skipped != "":
		state = "skip"
		p.skipped++
	default:
		p.passed++
	}
	_, err := fmt.Fprintf(p.w, "%s %-4s %s%s\n", state, r.ID, r.Name, bracketed(r.Section))
	if err == nil && r.Problem != "" {
		_, err = fmt.Fprintf(p.w, "       expected  %s\n       got       %s\n       problem   %s\n", r.Expected, r.Got, r.Problem)
	}
	if err == nil && r.Skipped != "" {
		_, err = fmt.Fprintf(p.w, "       %s\n", r.Skipped)
	}
	if r.Problem != "" || p.verbose {
		for _, b := range r.Trace {
			if err == nil {
				_, err = fmt.Fprintf(p.w, "       %s %s: %s\n", arrow(b.Out), b.What, b.hex())
			}
		}
	}
	return err
}

func (p *text) End() error {
	_, err := fmt.Fprintf(p.w, "%d passed, %d failed, %d not run\n", p.passed, p.failed, p.skipped)
	return err
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " [" + s + "]"
}

func arrow(out bool) string {
	if out {
		return "→"
	}
	return "←"
}

type lines struct {
	w       io.Writer
	verbose bool
}

func (p *lines) Result(r Result) error {
	type item struct {
		Sent bool   `json:"sent"`
		What string `json:"what"`
		Hex  string `json:"hex"`
	}
	var trace []item
	if r.Problem != "" || p.verbose {
		for _, b := range r.Trace {
			trace = append(trace, item{b.Out, b.What, b.hex()})
		}
	}
	out, err := json.Marshal(struct {
		ID       string  `json:"id"`
		Name     string  `json:"name"`
		Section  string  `json:"section,omitempty"`
		Passed   bool    `json:"passed"`
		Skipped  string  `json:"skipped,omitempty"`
		Expected string  `json:"expected,omitempty"`
		Got      string  `json:"got,omitempty"`
		Problem  string  `json:"problem,omitempty"`
		Seconds  float64 `json:"seconds"`
		Trace    []item  `json:"trace,omitempty"`
	}{r.ID, r.Name, r.Section, r.Passed(), r.Skipped, r.Expected, r.Got, r.Problem, r.Took.Seconds(), trace})
	if err != nil {
		return err
	}
	_, err = p.w.Write(append(out, '\n'))
	return err
}

func (p *lines) End() error { return nil }

type tap struct {
	w io.Writer
	n int
}

func (p *tap) Result(r Result) error {
	p.n++
	state, directive := "ok", ""
	if r.Problem != "" {
		state = "not ok"
	}
	if r.Skipped != "" {
		state, directive = "not ok", " # SKIP "+r.Skipped
	}
	name := strings.ReplaceAll(r.ID+" "+r.Name, "#", `\#`)
	if _, err := fmt.Fprintf(p.w, "%s %d - %s%s\n", state, p.n, name, directive); err != nil || r.Problem == "" {
		return err
	}
	_, err := fmt.Fprintf(p.w, "  ---\n  section: %q\n  expected: %q\n  got: %q\n  problem: %q\n", r.Section, r.Expected, r.Got, r.Problem)
	for _, b := range r.Trace {
		if err == nil {
			_, err = fmt.Fprintf(p.w, "  # %s %s: %s\n", arrow(b.Out), b.What, b.hex())
		}
	}
	if err == nil {
		_, err = fmt.Fprintln(p.w, "  ...")
	}
	return err
}

func (p *tap) End() error { return nil }

type junit struct {
	w     io.Writer
	suite string
	cases []junitCase
	bad   int
	skips int
}

type junitCase struct {
	XMLName xml.Name      `xml:"testcase"`
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    float64       `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Skipped *junitSkipped `xml:"skipped,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

func (p *junit) Result(r Result) error {
	c := junitCase{Name: r.ID + " " + r.Name, Class: p.suite, Time: r.Took.Seconds()}
	if r.Problem != "" {
		p.bad++
		var b strings.Builder
		fmt.Fprintf(&b, "section  %s\nexpected %s\ngot      %s\n", r.Section, r.Expected, r.Got)
		for _, x := range r.Trace {
			fmt.Fprintf(&b, "%s %s: %s\n", arrow(x.Out), x.What, x.hex())
		}
		c.Failure = &junitFailure{r.Problem, b.String()}
	}
	if r.Skipped != "" {
		p.skips++
		c.Skipped = &junitSkipped{r.Skipped}
	}
	p.cases = append(p.cases, c)
	return nil
}

func (p *junit) End() error {
	out, err := xml.MarshalIndent(struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Cases    []junitCase
	}{Name: p.suite, Tests: len(p.cases), Failures: p.bad, Skipped: p.skips, Cases: p.cases}, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.w, "%s%s\n", xml.Header, out)
	return err
}
