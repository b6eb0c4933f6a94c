package wire

// TypeHello is the number of Hello.
const TypeHello Type = 1

// A Role is what a side of a session is.
type Role uint8

// The roles. A session is between two peers, or between a user and a peer.
const (
	RolePeer Role = 1 // stores, verifies and forwards
	RoleUser Role = 2 // reads and writes messages through the other side
)

// Hello is the first frame in each direction and says who speaks and with what.
type Hello struct {
	Role     Role
	Software string       // name and version, at most MaxSoftware bytes
	Instance [8]byte      // random, made when the process starts: a restarted peer is another instance
	Port     uint16       // TCP port on which a peer listens; 0: none
	Features List[uint64] // numbers of optional message types that the sender knows, ascending
}

// MessageType implements Message.
func (*Hello) MessageType() Type { return TypeHello }
