package rooms

import (
	"testing"

	"parley/wire"
)

// benchRun makes a run of count messages of size bytes, and its cipher.
func benchRun(b *testing.B, count, size int) (*Run, *MessageCipher) {
	author := newUser(b, "ada")
	room, epoch := wire.ID{1}, wire.ID{2}
	heads := []wire.ID{{3}}
	salt := randomBytes(saltSize)
	inc := NewIncarnation(room, author.ID(), salt, heads)
	c := NewMessageCipher([EpochKeySize]byte{4}, room, epoch, author.ID(), inc)
	messages := make([]Message, count)
	for i := range messages {
		messages[i].Data = randomBytes(size)
	}
	sealed, err := c.SealRun(1, wire.ID{}, messages)
	if err != nil {
		b.Fatal(err)
	}
	r, err := SignRun(author, &RunDraft{
		Room: room, Incarnation: inc, Salt: salt, First: 1, Epoch: epoch, Heads: heads, Messages: sealed,
	})
	if err != nil {
		b.Fatal(err)
	}
	return r, c
}

func benchParse(b *testing.B, count int) {
	r, _ := benchRun(b, count, 256)
	b.SetBytes(int64(len(r.Raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRun(r.Raw); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/message")
}

func BenchmarkParseRunOf1(b *testing.B)   { benchParse(b, 1) }
func BenchmarkParseRunOf512(b *testing.B) { benchParse(b, 512) }

func BenchmarkVerifyRunOf1(b *testing.B) {
	r, _ := benchRun(b, 1, 256)
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealMessages(b *testing.B) {
	r, c := benchRun(b, 512, 256)
	m := Message{Data: make([]byte, 256)}
	iv := randomBytes(ivSize)
	buf := make([]byte, 0, 1024)
	b.SetBytes(256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Seal(buf, iv, 1, r.Prev, &m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealRunOf512(b *testing.B) {
	_, c := benchRun(b, 512, 256)
	messages := make([]Message, 512)
	for i := range messages {
		messages[i].Data = make([]byte, 256)
	}
	b.SetBytes(512 * 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.SealRun(1, wire.ID{}, messages); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*512), "ns/message")
}

func BenchmarkOpenMessages(b *testing.B) {
	r, c := benchRun(b, 512, 256)
	buf := make([]byte, 0, 1024)
	b.SetBytes(256)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := c.Open(buf, r, i%512); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkJudgeNextRun(b *testing.B) {
	tr := newTestRoom(b)
	inv := tr.invite(RoleMember)
	for range 100 {
		tr.join(newUser(b, "u"), inv)
	}
	bob := newUser(b, "bob")
	tr.join(bob, inv)
	first := tr.write(bob, nil)
	second, state := tr.write(bob, first), first.Extend(nil)
	b.ReportAllocs()
	for b.Loop() {
		if v, why, _ := tr.Judge(second, state); v != Valid {
			b.Fatal(why)
		}
	}
}

func BenchmarkParseJoin(b *testing.B) {
	tr := newTestRoom(b)
	e := tr.join(newUser(b, "bob"), tr.invite(RoleMember))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEntry(e.Raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkManyJoins adds 500 joins, looking at the room after each.
func BenchmarkManyJoins(b *testing.B) {
	tr := newTestRoom(b)
	inv := tr.invite(RoleMember)
	for range 500 {
		tr.join(newUser(b, "u"), inv)
	}
	entries := tr.All()
	b.ReportAllocs()
	for b.Loop() {
		a := NewAuthority(tr.Room())
		for _, e := range entries {
			if _, _, err := a.Add(e); err != nil {
				b.Fatal(err)
			}
			a.Now().Role(e.Writer)
		}
	}
}
