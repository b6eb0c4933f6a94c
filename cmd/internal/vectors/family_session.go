package vectors

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"parley/cmd/internal/script"
	"parley/handshake"
	"parley/session"
	"parley/wire"
	"parley/wire/seal"
)

func sessionFamilies() map[string]family {
	return map[string]family{
		"session/wire":   {"one direction of a connection, byte for byte: records, rekeying, and what ends it", alone(readWire), answerSession},
		"session/frames": {"what a peer that dialled sends to a peer, and the code with which it is refused", alone(readSessionFrames), answerSession},
	}
}

func readWire(raw []byte) ([]Vector, error) {
	type file struct {
		Name               string
		Enc, Mac, IV, Next hexBytes
		Plaintexts         []hexBytes
		Wire               hexBytes
		Refused            bool
	}
	return each(raw, func(v file) []Vector {
		in := func(key string, value any) map[string]any {
			return map[string]any{"enc": v.Enc.String(), "mac": v.Mac.String(), "iv": v.IV.String(), "next": v.Next.String(), key: value}
		}
		var plain []byte
		for _, p := range v.Plaintexts {
			plain = append(plain, p...)
		}
		read := vector(v.Name, "read-wire", !v.Refused, in("wire", v.Wire.String()), map[string]string{"plaintext": hexOf(plain)})
		if v.Refused {
			return []Vector{read}
		}
		write := vector(v.Name+", written", "write-wire", true, in("plaintexts", hexList(v.Plaintexts)), map[string]string{"wire": v.Wire.String()})
		return []Vector{read, write}
	})
}

func readSessionFrames(raw []byte) ([]Vector, error) {
	type file struct {
		Name    string
		Records []hexBytes
		Code    uint64
	}
	return each(raw, func(v file) []Vector {
		out := map[string]string{"code": decimal(v.Code)}
		return []Vector{vector(v.Name, "receive", v.Code == 0, map[string]any{"records": hexList(v.Records)}, out)}
	})
}

func answerSession(do string, in *inputs) Answer {
	if do == "receive" {
		return receive(in.list("records"))
	}
	t := script.Traffic{Keys: seal.Keys{Enc: in.key("enc"), Mac: in.key("mac"), IV: in.key("iv")}, Next: in.key("next")}
	switch do {
	case "read-wire":
		return readDirection(t, in.bytes("wire"))
	case "write-wire":
		s := script.Sealer{Traffic: t}
		var out []byte
		for _, p := range in.list("plaintexts") {
			if len(p) == 0 {
				out = append(out, s.Rekey()...)
			} else {
				out = append(out, s.Record(p)...)
			}
		}
		return accepted(map[string]string{"wire": hexOf(out)})
	}
	return Answer{Unknown: true}
}

// readDirection reads one direction's bytes by the product's record layer and
// by the script's, which must agree.
func readDirection(t script.Traffic, all []byte) Answer {
	o := script.Opener{Traffic: t}
	var plain []byte
	var err error
	for rest := all; len(rest) > 0 && err == nil; {
		n := 4
		if len(rest) >= 4 {
			n += int(binary.BigEndian.Uint32(rest))
		}
		var p []byte
		if p, err = o.Open(rest[:min(n, len(rest))]); err == nil {
			plain = append(plain, p...)
			rest = rest[min(n, len(rest)):]
		}
	}
	got, perr := productReads(t, all)
	a := Answer{Accepted: err == nil, Out: map[string]string{"plaintext": hexOf(plain)}}
	if err != nil {
		a.Reason = err.Error()
	}
	if !bytes.Equal(got, plain) || (perr == nil) != (err == nil) {
		return Answer{Reason: "the record layer of package session and the script's differ"}
	}
	return a
}

// productReads is what package session makes of the bytes.
func productReads(t script.Traffic, all []byte) ([]byte, error) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		_, _ = far.Write(all) // the reader may have had enough
		far.Close()
	}()
	conn := session.NewConn(near, &handshake.Result{Recv: t.Keys, RecvNext: t.Next})
	var out bytes.Buffer
	_, err := out.ReadFrom(conn)
	return out.Bytes(), err
}

// receive gives the records to a session of the product, as a peer that dialled
// another, and returns the code with which they are refused.
func receive(records [][]byte) Answer {
	near, far := net.Pipe()
	defer near.Close()
	sealer := script.Sealer{}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		buf := make([]byte, wire.MaxRecord)
		for {
			if _, err := far.Read(buf); err != nil {
				return
			}
		}
	}()
	go func() {
		defer far.Close() // what is left to be read is taken by then
		for _, plain := range append(records, script.Frame(0, &wire.Close{})) {
			if _, err := far.Write(sealer.Record(plain)); err != nil {
				return // the session has had enough
			}
		}
	}()
	code := runSession(near)
	<-drained
	return Answer{Accepted: code == 0, Out: map[string]string{"code": decimal(uint64(code))}}
}

// runSession runs a peer's session over a connection whose keys are zeros, and
// reads every stream to its end. It returns the code of the first rule broken.
func runSession(conn net.Conn) wire.Code {
	hs := &handshake.Result{}
	s, err := session.Establish(context.Background(), conn, hs, session.Config{Hello: wire.Hello{Role: wire.RolePeer}})
	if err != nil {
		return codeOf(err)
	}
	var readers sync.WaitGroup
	var mu sync.Mutex
	var found wire.Code
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if found == 0 {
			found = codeOf(err)
		}
	}
	readers.Go(func() {
		for {
			st, err := s.Accept(context.Background())
			if err != nil {
				return
			}
			readers.Go(func() {
				for {
					if _, err := st.Recv(context.Background()); err != nil {
						note(err)
						return
					}
				}
			})
		}
	})
	err = s.Run(context.Background())
	readers.Wait()
	note(err)
	return found
}

// codeOf is the code of a rule that this side found broken; 0: none.
func codeOf(err error) wire.Code {
	var werr *wire.Error
	if errors.As(err, &werr) && !werr.Remote {
		return werr.Code
	}
	return 0
}
