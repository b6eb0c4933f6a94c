package wire

// TypeInStep is the number of InStep.
const TypeInStep Type = 66

// InStep answers a Match: rooms whose keyed state was equal. They are open in both directions from now on.
type InStep struct {
	Refs List[uint64]
}

// MessageType implements Message.
func (*InStep) MessageType() Type { return TypeInStep }
