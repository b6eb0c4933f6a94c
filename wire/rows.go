package wire

// registry lists every message type, in the order of their numbers. A type is
// one file (msg_*.go), one row here and one vector in testdata/frames.
func registry() []Row {
	return []Row{
		// The session's own, on stream 0 (package session).
		// Between a user and a peer (package rooms/client).
		{TypeTokenRequest, "TokenRequest", LegalUserToPeer, boundTiny, func() Message { return new(TokenRequest) }},
		{TypeTokenGrant, "TokenGrant", LegalPeerToUser, boundRecord, func() Message { return new(TokenGrant) }},
		{TypeTokenList, "TokenList", LegalUserToPeer, boundTiny, func() Message { return new(TokenList) }},
		{TypeTokens, "Tokens", LegalPeerToUser, boundMiB, func() Message { return new(Tokens) }},
		{TypeTokenRevoke, "TokenRevoke", LegalUserToPeer, boundTiny, func() Message { return new(TokenRevoke) }},
		{TypeDone, "Done", LegalPeerToUser, boundTiny, func() Message { return new(Done) }},
		{TypeStatusGet, "StatusGet", LegalUserToPeer, boundTiny, func() Message { return new(StatusGet) }},
		{TypeStatus, "Status", LegalPeerToUser, boundRecord, func() Message { return new(Status) }},
		{TypePeersGet, "PeersGet", LegalUserToPeer, boundTiny, func() Message { return new(PeersGet) }},
		{TypePeers, "Peers", LegalPeerToUser, boundMiB, func() Message { return new(Peers) }},
		{TypeRoomsGet, "RoomsGet", LegalUserToPeer, boundTiny, func() Message { return new(RoomsGet) }},
		{TypeRooms, "Rooms", LegalPeerToUser, boundMiB, func() Message { return new(Rooms) }},
		{TypeDoctorGet, "DoctorGet", LegalUserToPeer, boundTiny, func() Message { return new(DoctorGet) }},
		{TypeDoctor, "Doctor", LegalPeerToUser, boundMiB, func() Message { return new(Doctor) }},
		{TypeSubmit, "Submit", LegalUserToPeer, boundMiB, func() Message { return new(Submit) }},
		{TypeRoomDetach, "RoomDetach", LegalUserToPeer, boundTiny, func() Message { return new(RoomDetach) }},
		{TypeAuthorityGet, "AuthorityGet", LegalUserToPeer, boundTiny, func() Message { return new(AuthorityGet) }},
		{TypeAuthority, "Authority", LegalPeerToUser, boundMiB, func() Message { return new(Authority) }},
		{TypeRoomWatch, "RoomWatch", LegalUserToPeer, boundTiny, func() Message { return new(RoomWatch) }},
		{TypeRoomProgress, "RoomProgress", LegalPeerToUser, boundTiny, func() Message { return new(RoomProgress) }},
		{TypeWriterGet, "WriterGet", LegalUserToPeer, boundTiny, func() Message { return new(WriterGet) }},
		{TypeWriter, "Writer", LegalPeerToUser, boundRecord, func() Message { return new(Writer) }},
		{TypeAppend, "Append", LegalUserToPeer, boundMiB, func() Message { return new(Append) }},
		{TypeAppended, "Appended", LegalPeerToUser, boundTiny, func() Message { return new(Appended) }},
		{TypeAppendRefused, "AppendRefused", LegalPeerToUser, boundRecord, func() Message { return new(AppendRefused) }},
		{TypePlacedGet, "PlacedGet", LegalUserToPeer, boundTiny, func() Message { return new(PlacedGet) }},
		{TypePlaced, "Placed", LegalPeerToUser, boundTiny, func() Message { return new(Placed) }},
		{TypeTail, "Tail", LegalUserToPeer, boundTiny, func() Message { return new(Tail) }},
		{TypeTailRuns, "TailRuns", LegalPeerToUser, boundMiB, func() Message { return new(TailRuns) }},
		{TypeTailMark, "TailMark", LegalPeerToUser, boundTiny, func() Message { return new(TailMark) }},
		{TypeVerifyGet, "VerifyGet", LegalUserToPeer, boundTiny, func() Message { return new(VerifyGet) }},
		{TypeVerified, "Verified", LegalPeerToUser, boundMiB, func() Message { return new(Verified) }},
		// Between peers (package rooms).
		{TypeOffer, "Offer", LegalPeerToPeer, boundMiB, func() Message { return new(Offer) }},
		{TypeMatch, "Match", LegalPeerToPeer, boundMiB, func() Message { return new(Match) }},
		{TypeInStep, "InStep", LegalPeerToPeer, boundMiB, func() Message { return new(InStep) }},
		{TypeOpenRoom, "OpenRoom", LegalPeerToPeer, boundRecord, func() Message { return new(OpenRoom) }},
		{TypeRoomClose, "RoomClose", LegalPeerToPeer, boundTiny, func() Message { return new(RoomClose) }},
		{TypeState, "State", LegalPeerToPeer, boundTiny, func() Message { return new(State) }},
		{TypeRanges, "Ranges", LegalPeerToPeer, boundMiB, func() Message { return new(Ranges) }},
		{TypeRangesReply, "RangesReply", LegalPeerToPeer, boundMiB, func() Message { return new(RangesReply) }},
		{TypeFetch, "Fetch", LegalPeerToPeer, boundMiB, func() Message { return new(Fetch) }},
		{TypeRecords, "Records", LegalPeerToPeer, boundMiB, func() Message { return new(Records) }},
		{TypeAnnounce, "Announce", LegalPeerToPeer, boundMiB, func() Message { return new(Announce) }},
		{TypePush, "Push", LegalPeerToPeer, boundMiB, func() Message { return new(Push) }},
		{TypePull, "Pull", LegalPeerToPeer, boundMiB, func() Message { return new(Pull) }},
		{TypeRuns, "Runs", LegalPeerToPeer, boundMiB, func() Message { return new(Runs) }},
		{TypeAck, "Ack", LegalPeerToPeer, boundMiB, func() Message { return new(Ack) }},
	}
}
