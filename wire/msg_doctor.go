package wire

// TypeDoctor is the number of Doctor.
const TypeDoctor Type = 29

// Doctor lists what was found, layer by layer.
type Doctor struct {
	Findings List[Finding]
}

// MessageType implements Message.
func (*Doctor) MessageType() Type { return TypeDoctor }

// A Finding is one thing that works or does not.
type Finding struct {
	Layer   string // "interface", "multicast", "heard", "tcp", "network", "handshake", "store"
	Subject string // interface or address
	OK      bool
	Detail  string
	Advice  string // what to do, when not OK
}
