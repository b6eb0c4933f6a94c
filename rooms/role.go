package rooms

import "fmt"

// A Role is what a user may do in a room. A greater role may do more.
type Role uint8

// The roles. Their numbers are the protocol's.
const (
	RoleNone   Role = 0
	RoleRelay  Role = 1 // its peer stores and forwards; holds no key
	RoleReader Role = 2 // reads
	RoleMember Role = 3 // reads and writes
	RoleAdmin  Role = 4 // and manages members, invites and epochs
	RoleMaster Role = 5 // and appoints, demotes, sets policy and hands over
)

// MayWrite reports whether the role's messages count.
func (r Role) MayWrite() bool { return r >= RoleMember }

// HoldsKey reports whether room keys are sealed to the role.
func (r Role) HoldsKey() bool { return r >= RoleReader }

// String returns the role's name.
func (r Role) String() string {
	switch r {
	case RoleNone:
		return "none"
	case RoleRelay:
		return "relay"
	case RoleReader:
		return "reader"
	case RoleMember:
		return "member"
	case RoleAdmin:
		return "admin"
	case RoleMaster:
		return "master"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	for r := RoleNone; r <= RoleMaster; r++ {
		if r.String() == name {
			return r, nil
		}
	}
	return RoleNone, fmt.Errorf("rooms: %q is no role; roles are member, reader, relay", name)
}
