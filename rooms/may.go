package rooms

import "parley/wire"

// MayWrite says why an entry of a kind by user would be refused or not count, by
// what is held, so that a client refuses before it signs. subject is whom an
// add, stop, lift, appointment or demotion concerns, or the successor of a
// handover; zero for other kinds. A join's answer is Admit's.
func (a *Authority) MayWrite(user wire.ID, kind Kind, subject wire.ID) Reason {
	v := a.Now()
	row, ok := kindOf(uint64(kind))
	switch {
	case !ok || row.stand == standRoot || kind == KindJoin:
		return ReasonKind
	case a.isPair() && !pairKind(kind):
		return ReasonPair
	}
	role := v.Role(user)
	switch row.stand {
	case standMaster:
		if role != RoleMaster && !(a.isPair() && role != RoleNone) {
			return ReasonMasterOnly
		}
	case standChain:
		if role < RoleAdmin && !(a.isPair() && role != RoleNone) {
			return ReasonAdminsOnly
		}
	case standBeside:
		return mayBeside(role, kind)
	}
	return v.mayConcern(user, kind, subject)
}

// mayBeside is about leaves and renewals.
func mayBeside(role Role, kind Kind) Reason {
	switch {
	case role == RoleNone:
		return ReasonNotMember
	case role == RoleMaster && kind == KindLeave:
		return ReasonMasterLeaves
	}
	return ReasonNone
}

// mayConcern is about whom a chained entry of a kind concerns.
func (v *View) mayConcern(user wire.ID, kind Kind, subject wire.ID) Reason {
	switch kind {
	case KindAdd, KindStop, KindLift, KindAppoint, KindDemote, KindHandover:
	default:
		return ReasonNone
	}
	if subject == user {
		return ReasonSelf
	}
	role := v.Role(subject)
	removal, removed := v.removal(subject)
	switch kind {
	case KindDemote:
		if role != RoleAdmin {
			return ReasonNoAdmin
		}
		return ReasonNone
	case KindHandover:
		return ReasonNone
	case KindLift:
		if !removed {
			return ReasonNotRemoved
		}
		return ReasonNone
	}
	switch {
	case role == RoleMaster:
		return ReasonIsMaster
	case role == RoleAdmin && kind == KindAppoint:
		return ReasonAlready
	case role == RoleAdmin:
		return ReasonIsAdmin
	case kind == KindAdd && removed && removal.Ban:
		return ReasonBanned
	case kind == KindAppoint && !v.a.known(subject, v.seen):
		return ReasonSubject
	}
	return ReasonNone
}
