package wire

// TypeDoctorGet is the number of DoctorGet.
const TypeDoctorGet Type = 28

// DoctorGet asks the peer to look at its network. Answer: Doctor.
type DoctorGet struct{}

// MessageType implements Message.
func (*DoctorGet) MessageType() Type { return TypeDoctorGet }
