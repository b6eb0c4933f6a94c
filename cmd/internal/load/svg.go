package load

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The picture's measures in pixels, and its colours, which read on white and on
// black: what has a meaning differs in its dashes as well.
const (
	pictureWidth  = 900
	pictureHeight = 650
	plotLeft      = 80
	plotRight     = pictureWidth - 30
	plotHeight    = 210

	neutral = "#808080"
	blue    = "#2a8fd8"
	orange  = "#d9730d"
)

// A line of a plot has a value for each slot; a negative one is left out.
type line struct {
	name, colour, dash string
	values             []float64
}

// WriteSVG writes the timeline as a picture: what was due and done each second, and
// below it what the messages due in that second waited.
func (r *Report) WriteSVG(w io.Writer) error {
	slots := r.wholeSlots()
	if len(slots) == 0 {
		return errors.New("load: less than a second was measured: there is nothing to draw")
	}
	column := func(value func(*Slot) float64) (all []float64) {
		for i := range slots {
			all = append(all, value(&slots[i]))
		}
		return all
	}
	perSecond := func(count func(*Slot) uint64) []float64 {
		return column(func(s *Slot) float64 { return float64(count(s)) / r.SlotWidth })
	}
	rates := []line{
		{"acknowledged", blue, "", perSecond(func(s *Slot) uint64 { return s.Acked })},
		{"read, by all readers", orange, "7 3", perSecond(func(s *Slot) uint64 { return s.Read })},
		{"due", neutral, "2 3", perSecond(func(s *Slot) uint64 { return s.Due })},
	}
	waits := []line{
		{"p99 to the acknowledgement", blue, "", column(func(s *Slot) float64 { return s.P99Ack })},
		{"p50", blue, "2 3", column(func(s *Slot) float64 { return s.P50Ack })},
		{"p99 to the reader", orange, "7 3", column(func(s *Slot) float64 { return s.P99Read })},
	}
	if r.Traffic.Readers == 0 {
		rates, waits = append(rates[:1], rates[2]), waits[:2]
	}
	d := &drawing{seconds: float64(len(slots)) * r.SlotWidth, slot: r.SlotWidth}
	d.open(r.title())
	d.plot(r, 90, "messages per second", linear(rates), rates)
	d.plot(r, 90+plotHeight+100, "ms from the intended moment", logarithmic(waits), waits)
	d.b.WriteString("</svg>\n")
	_, err := io.WriteString(w, d.b.String())
	return err
}

// wholeSlots are those that lie within the phases as a whole.
func (r *Report) wholeSlots() []Slot {
	length := 0.0
	for _, p := range r.Phases {
		length += p.Seconds
	}
	const slack = 0.01 // of a slot: phases end when a timer says so
	n := 0
	for n < len(r.Timeline) && r.Timeline[n].At+r.SlotWidth <= length+slack*r.SlotWidth {
		n++
	}
	return r.Timeline[:n]
}

func (r *Report) title() string {
	t := r.Traffic
	return fmt.Sprintf("%s in %s at %s, %s, messages of %d bytes", plural(t.Writers, "writer"), plural(t.Rooms, "room"),
		plural(len(r.Peers), "peer"), plural(t.Readers, "reader"), t.Size)
}

// A drawing is a picture on the way.
type drawing struct {
	b       strings.Builder
	seconds float64 // of the horizontal axis
	slot    float64
}

func (d *drawing) open(title string) {
	fmt.Fprintf(&d.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="13" fill="%s">`+"\n",
		pictureWidth, pictureHeight, neutral)
	d.text(plotLeft, 24, "start", `font-size="15"`, title)
}

func (d *drawing) text(x, y float64, anchor, more, text string) {
	fmt.Fprintf(&d.b, `<text x="%.1f" y="%.1f" text-anchor="%s" %s>`, x, y, anchor, more)
	_ = xml.EscapeText(&d.b, []byte(text)) // a Builder does not fail
	d.b.WriteString("</text>\n")
}

func (d *drawing) stroke(x1, y1, x2, y2 float64, more string) {
	fmt.Fprintf(&d.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" %s/>`+"\n", x1, y1, x2, y2, neutral, more)
}

// x is where a moment is.
func (d *drawing) x(seconds float64) float64 {
	return plotLeft + seconds/d.seconds*(plotRight-plotLeft)
}

// plot draws axes with their units and labels, and the lines.
func (d *drawing) plot(r *Report, top float64, title string, axis axis, lines []line) {
	bottom := top + plotHeight
	y := func(v float64) float64 { return bottom - axis.at(v)*plotHeight }
	d.text(plotLeft, top-32, "start", `font-weight="bold"`, title)
	d.legend(top-32, lines)
	for _, tick := range axis.ticks {
		d.stroke(plotLeft, y(tick), plotRight, y(tick), `stroke-opacity="0.3"`)
		d.text(plotLeft-8, y(tick)+4, "end", "", strconv.FormatFloat(tick, 'f', -1, 64))
	}
	for _, tick := range linearTicks(d.seconds, 10) {
		d.stroke(d.x(tick), bottom, d.x(tick), bottom+5, "")
		d.text(d.x(tick), bottom+19, "middle", "", strconv.FormatFloat(tick, 'f', -1, 64))
	}
	d.text(plotRight, bottom+34, "end", "", "seconds")
	begun := 0.0
	for _, p := range r.Phases {
		if begun > 0 {
			d.stroke(d.x(begun), top-14, d.x(begun), bottom, `stroke-dasharray="1 3"`)
		}
		if width := p.Seconds / d.seconds * (plotRight - plotLeft); width > 7*float64(len(p.Name)) && len(r.Phases) > 1 {
			d.text(d.x(begun)+4, top-6, "start", `font-size="12"`, p.Name)
		}
		begun += p.Seconds
	}
	d.stroke(plotLeft, bottom, plotRight, bottom, "")
	d.stroke(plotLeft, top, plotLeft, bottom, "")
	for _, l := range lines {
		d.line(l, y)
	}
}

// legend names the lines, to the right of a plot's title.
func (d *drawing) legend(y float64, lines []line) {
	x := 330.0
	for _, l := range lines {
		fmt.Fprintf(&d.b, `<path d="M%.1f %.1fh26" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>`+"\n", x, y-4, l.colour, l.dash)
		d.text(x+31, y, "start", "", l.name)
		x += 31 + 7.2*float64(len(l.name)) + 16
	}
}

// line draws a line through the middles of its slots; one value alone is a dot.
func (d *drawing) line(l line, y func(float64) float64) {
	var path strings.Builder
	verb := "M"
	for i, v := range l.values {
		if v < 0 {
			verb = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, d.x((float64(i)+0.5)*d.slot), y(v))
		verb = "L"
	}
	if len(l.values) == 1 {
		path.WriteString("h0.1")
	}
	fmt.Fprintf(&d.b, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round" stroke-linecap="round" stroke-dasharray="%s"/>`+"\n",
		path.String(), l.colour, l.dash)
}
