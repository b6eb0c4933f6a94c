package handshake

import "errors"

// Why a handshake failed, for the log of this side. The other side is told at
// most that it was refused.
var (
	ErrConfig        = errors.New("handshake: configuration")
	ErrState         = errors.New("handshake: step out of order")
	ErrMessage       = errors.New("handshake: malformed message")
	ErrVersion       = errors.New("handshake: another version of the protocol")
	ErrNetworkSecret = errors.New("handshake: another network name or secret")
	ErrKeyShare      = errors.New("handshake: bad key share")
	ErrSealed        = errors.New("handshake: sealed part altered, or from another handshake")
	ErrConfirm       = errors.New("handshake: wrong confirmation")
	ErrBundle        = errors.New("handshake: bad bundle")
	ErrSignature     = errors.New("handshake: wrong signature")
	ErrIdentity      = errors.New("handshake: not the expected identity")
	ErrSelf          = errors.New("handshake: the other side is this identity itself")
	ErrToken         = errors.New("handshake: unknown token, or wrong proof of it")

	// ErrRefused means that the other side rejected what this side sent.
	ErrRefused = errors.New("handshake: refused by the other side")

	// ErrNoReply means that the other side closed without an answer to message 1,
	// as a responder does that has another network secret or version, or no room.
	ErrNoReply = errors.New("handshake: closed without a reply; another network, another version, or too busy")

	// ErrTimeout means that the deadline passed.
	ErrTimeout = errors.New("handshake: timed out")
)
