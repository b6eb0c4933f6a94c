// Package agent is the user's long-lived part: it follows the user's rooms,
// seals epoch keys for members who lack one, and keeps the delegations of the
// user's peer fresh.
package agent

import (
	"log/slog"

	"parley/rooms/client"
)

// Config is what an Agent needs.
type Config struct {
	Client *client.Client // stays the caller's: Run does not close it
	Logger *slog.Logger   // nil: silent
}
