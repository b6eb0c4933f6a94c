package wire

// TypeOffer is the number of Offer.
const TypeOffer Type = 64

// Offer offers rooms without naming them: 16 bytes of HMAC(exporter, "offer" ‖ sender's role ‖ room) each.
type Offer struct {
	Start uint64 // the number of the first; the next are numbered on
	Tags  Bytes  // 16 bytes each
}

// MessageType implements Message.
func (*Offer) MessageType() Type { return TypeOffer }
