package rooms

// A Reason names why a record was refused, waits or does not count. It is an
// error, and its text is fit to be shown to the user whose record it is.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = iota

	// Refused for good: the record itself breaks a rule.
	ReasonEncoding
	ReasonSignature
	ReasonBounds
	ReasonRoom
	ReasonVersion
	ReasonKind
	ReasonKey
	ReasonIncarnation
	ReasonNumber
	ReasonChain
	ReasonWriter
	ReasonHeads
	ReasonInvite
	ReasonLinkKey
	ReasonLeaver
	ReasonMasterLeaves
	ReasonGenesis
	ReasonMasterOnly
	ReasonAdminsOnly
	ReasonSelf
	ReasonSubject
	ReasonRole
	ReasonPair
	ReasonBundle
	ReasonUnlisted
	ReasonFull

	// Waiting for something that is not held.
	ReasonDependency
	ReasonPrevious
	ReasonOtherBranch
	ReasonPinned

	// Does not count.
	ReasonNotMember
	ReasonReader
	ReasonRelay
	ReasonEpoch
	ReasonHeadsBack
	ReasonLeft
	ReasonAfterLeave
	ReasonRemoved
	ReasonLowered
	ReasonAfterStop
	ReasonRevoked
	ReasonTrimmed
	ReasonFork
	ReasonVoidPrevious

	// Rights to sync, to seal and to be admitted.
	ReasonDelegation
	ReasonRelayKey
	ReasonRecipient
	ReasonExpired
	ReasonExhausted
	ReasonCapacity
	ReasonInviteRevoked
	ReasonBanned
	ReasonWasRemoved
	ReasonIsMaster
	ReasonIsAdmin
	ReasonNoAdmin
	ReasonAlready
	ReasonNotRemoved
	ReasonCommitment
	ReasonCipher
	ReasonLink

	// Does not count; behind the others, since peers keep and tell the numbers.
	ReasonTrimmedBranch

	reasonCount
)

var reasonTexts = [...]string{
	ReasonNone:         "no reason",
	ReasonEncoding:     "not the canonical encoding",
	ReasonSignature:    "the signature is wrong",
	ReasonBounds:       "over a bound in size or number",
	ReasonRoom:         "belongs to another room",
	ReasonVersion:      "made by a newer version of the program",
	ReasonKind:         "of a kind that is not known here",
	ReasonKey:          "its key is not of a known algorithm",
	ReasonIncarnation:  "the first run does not fit its log",
	ReasonNumber:       "its number does not follow the previous one's",
	ReasonChain:        "stands on a chain that does not exist",
	ReasonWriter:       "its writer may not write on that chain",
	ReasonHeads:        "its authority heads omit something that they must name, or are not in order",
	ReasonInvite:       "names an invite that is none",
	ReasonLinkKey:      "not signed by the invite's link",
	ReasonLeaver:       "whoever leaves must be a member",
	ReasonMasterLeaves: "the master cannot leave the room, only hand it over",
	ReasonGenesis:      "the room's first entry does not fit",
	ReasonMasterOnly:   "only the master does that",
	ReasonAdminsOnly:   "only admins and the master do that",
	ReasonSelf:         "nobody does that to themselves",
	ReasonSubject:      "names somebody whose key the room does not know",
	ReasonRole:         "gives a role that it cannot give",
	ReasonPair:         "a room of two has no members to manage",
	ReasonBundle:       "its bundle is no newer than the one the room knows",
	ReasonUnlisted:     "more joins than fit wait to be confirmed; confirm them first",
	ReasonFull:         "the room holds as many entries as it may",

	ReasonDependency:  "refers to entries that are not here yet",
	ReasonPrevious:    "the run before it is not here yet",
	ReasonOtherBranch: "continues another branch of the log than the one held here",
	ReasonPinned:      "its author forked the log, and the run that decides between the branches is not here yet",

	ReasonNotMember:    "not a member",
	ReasonReader:       "readers do not write",
	ReasonRelay:        "relays do not write",
	ReasonEpoch:        "written under a key that its writer knew to be replaced",
	ReasonHeadsBack:    "forgets entries that the run before it had seen",
	ReasonLeft:         "written after its author left the room",
	ReasonAfterLeave:   "continues a log from before its author left; rejoining starts a new log",
	ReasonRemoved:      "written by somebody whom an admin or the master had removed",
	ReasonLowered:      "written by somebody whom an admin or the master had made a reader or relay",
	ReasonAfterStop:    "continues a log from before its author was removed or made a reader; a new log goes on",
	ReasonRevoked:      "its author joined by an invite that was revoked; an admin or the master may add it",
	ReasonTrimmed:      "older than what the room keeps",
	ReasonFork:         "its author signed two different continuations of this log",
	ReasonVoidPrevious: "continues a run that does not count",

	ReasonDelegation:    "no current member lets this peer have the room",
	ReasonRelayKey:      "relays hold no key",
	ReasonRecipient:     "sealed to nobody who belongs to the room",
	ReasonExpired:       "the invite is past its time",
	ReasonExhausted:     "the invite's uses are spent",
	ReasonCapacity:      "the room has as many members as it takes",
	ReasonInviteRevoked: "the invite was revoked",
	ReasonBanned:        "banned; an admin or the master may lift that",
	ReasonWasRemoved:    "removed; an admin or the master may add or lift",
	ReasonIsMaster:      "the master is removed or changed by nobody; it may hand over the room",
	ReasonIsAdmin:       "an admin is demoted by the master before anything else",
	ReasonNoAdmin:       "is no admin",
	ReasonAlready:       "has that role already",
	ReasonNotRemoved:    "is not removed",
	ReasonCommitment:    "the key in the box is not the epoch's key",
	ReasonCipher:        "cannot be decrypted with the epoch's key",
	ReasonLink:          "not an invite link, or copied incompletely",

	ReasonTrimmedBranch: "stands on another branch of its log than the one that was kept when the room was trimmed",
}

// String returns the reason's text.
func (r Reason) String() string {
	if int(r) < len(reasonTexts) && reasonTexts[r] != "" {
		return reasonTexts[r]
	}
	return "unknown reason"
}

// Error implements error.
func (r Reason) Error() string { return "rooms: " + r.String() }
