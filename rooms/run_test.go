package rooms

import (
	"testing"

	"parley/wire"
)

func TestRunsThatBreakARuleAreRefusedWithItsName(t *testing.T) {
	author := newUser(t, "ada")
	epoch := wire.ID{2}
	draft := func(change func(*RunDraft)) *RunDraft {
		d := &RunDraft{
			Room: wire.ID{1}, First: 5, Prev: wire.ID{7}, Epoch: epoch, Heads: []wire.ID{{3}, {4}},
			Incarnation: wire.ID{6}, Messages: [][]byte{randomBytes(minMessageBin)},
		}
		change(d)
		return d
	}
	many := make([][]byte, MaxRunMessages+1)
	for i := range many {
		many[i] = randomBytes(minMessageBin)
	}
	heads := make([]wire.ID, MaxHeads+1)
	for i := range heads {
		heads[i] = wire.ID{byte(i + 1)}
	}
	for name, c := range map[string]struct {
		why    Reason
		change func(*RunDraft)
	}{
		"nothing wrong":                  {ReasonNone, func(*RunDraft) {}},
		"number 0":                       {ReasonNumber, func(d *RunDraft) { d.First = 0 }},
		"numbers overflow":               {ReasonNumber, func(d *RunDraft) { d.First, d.Messages = ^uint64(0), many[:3] }},
		"no messages":                    {ReasonBounds, func(d *RunDraft) { d.Messages = nil }},
		"513 messages":                   {ReasonEncoding, func(d *RunDraft) { d.Messages = many }},
		"512 messages":                   {ReasonNone, func(d *RunDraft) { d.Messages = many[1:] }},
		"message without a block":        {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(48) }},
		"message of no whole blocks":     {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(65) }},
		"empty message":                  {ReasonBounds, func(d *RunDraft) { d.Messages[0] = nil }},
		"run over its bound":             {ReasonBounds, func(d *RunDraft) { d.Messages[0] = randomBytes(wire.MaxRun + 16 - wire.MaxRun%16) }},
		"heads out of order":             {ReasonHeads, func(d *RunDraft) { d.Heads[0], d.Heads[1] = d.Heads[1], d.Heads[0] }},
		"a head twice":                   {ReasonHeads, func(d *RunDraft) { d.Heads[0] = d.Heads[1] }},
		"65 heads":                       {ReasonEncoding, func(d *RunDraft) { d.Heads = heads }},
		"64 heads":                       {ReasonNone, func(d *RunDraft) { d.Heads = heads[1:] }},
		"epoch without heads":            {ReasonHeads, func(d *RunDraft) { d.Heads = nil }},
		"heads without an epoch":         {ReasonHeads, func(d *RunDraft) { d.Epoch = wire.ID{} }},
		"reference to number 0":          {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{1}}} }},
		"references out of order":        {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{1}, Number: 1}} }},
		"a log referred to twice":        {ReasonBounds, func(d *RunDraft) { d.Refs = []wire.Ref{{Log: wire.ID{2}, Number: 1}, {Log: wire.ID{2}, Number: 2}} }},
		"four references":                {ReasonEncoding, func(d *RunDraft) { d.Refs = make([]wire.Ref, 4) }},
		"later run without a link":       {ReasonIncarnation, func(d *RunDraft) { d.Prev = wire.ID{} }},
		"later run with a salt":          {ReasonIncarnation, func(d *RunDraft) { d.Salt = randomBytes(saltSize) }},
		"first run":                      {ReasonNone, func(d *RunDraft) { d.restart(author.ID()) }},
		"first run without a salt":       {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = nil }},
		"first run with another salt":    {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = randomBytes(saltSize) }},
		"first run with a short salt":    {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Salt = randomBytes(8) }},
		"first run with a link":          {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Prev = wire.ID{7} }},
		"first run with other heads":     {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Heads = heads[:5] }},
		"first run of somebody else's":   {ReasonIncarnation, func(d *RunDraft) { d.restart(wire.ID{9}) }},
		"first run made in another room": {ReasonIncarnation, func(d *RunDraft) { d.restart(author.ID()).Room = wire.ID{9} }},
	} {
		r, err := SignRun(author, draft(c.change))
		if reasonOf(err) != c.why {
			t.Errorf("%s: %v, not %v", name, err, c.why)
		}
		if err == nil && r.Verify() != nil {
			t.Errorf("%s: the signature is wrong", name)
		}
	}
}
