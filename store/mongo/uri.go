package mongo

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"parley/store"
)

// IsURI reports whether a string names a MongoDB database.
func IsURI(s string) bool {
	return strings.HasPrefix(s, "mongodb://") || strings.HasPrefix(s, "mongodb+srv://")
}

// HasPassword reports whether a URI has a password in it, which then must not be on a command line.
func HasPassword(uri string) bool { return len(secretsOf(uri)) > 0 }

// ReadURI reads a URI from the first line of a file, which nobody else may read.
func ReadURI(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others; make it your own with chmod 600", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimSpace(line); !IsURI(line) {
		return "", fmt.Errorf("the first line of %s is no mongodb:// or mongodb+srv:// URI", path)
	}
	return line, nil
}

// Redact returns a URI as it may be shown: scheme, hosts and database, without user, password and options.
func Redact(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return "mongodb://?"
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(rest, "/")
	if at := strings.LastIndex(hosts, "@"); at >= 0 {
		hosts = hosts[at+1:]
	}
	if at := strings.LastIndex(database, "@"); at >= 0 { // a password with a bare slash in it
		hosts, database, _ = strings.Cut(database[at+1:], "/")
	}
	if database == "" {
		database = defaultDatabase
	}
	return scheme + "://" + hosts + "/" + database
}

func databaseOf(uri string) string {
	red := Redact(uri)
	return red[strings.LastIndex(red, "/")+1:]
}

// timeoutOf is how long one exchange with the server may take: the URI's timeoutMS, which the driver has read, else its older
// socketTimeoutMS, which it has not; 0: without end.
func timeoutOf(uri string, timeout *time.Duration) time.Duration {
	if timeout != nil {
		return *timeout
	}
	_, query, _ := strings.Cut(uri, "?")
	for option := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(option, "=")
		if ms, err := strconv.ParseUint(value, 10, 31); err == nil && strings.EqualFold(name, "socketTimeoutMS") {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return defaultTimeout
}

// secretsOf lists what must not be shown of a URI: passwords as written and as meant.
func secretsOf(uri string) (secrets []string) {
	_, rest, _ := strings.Cut(uri, "://")
	rest, query, _ := strings.Cut(rest, "?")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		if _, password, ok := strings.Cut(rest[:at], ":"); ok {
			secrets = append(secrets, password)
		}
	}
	for option := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(option, "=")
		switch strings.ToLower(name) {
		case "tlscertificatekeyfilepassword", "sslclientcertificatekeypassword", "proxypassword", "authmechanismproperties":
			secrets = append(secrets, value)
		}
	}
	for _, s := range secrets {
		if meant, err := url.PathUnescape(s); err == nil && meant != s {
			secrets = append(secrets, meant)
		}
	}
	return secrets
}

// hider removes secrets from errors.
type hider []string

// scrub tells an error in words only, without secrets: its cause would tell them, and in an error of the driver there may be the end
// of a context that is not the caller's.
func (h hider) scrub(err error) error {
	text := err.Error()
	for _, s := range h {
		if s != "" {
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return errors.New(text)
}

// unavailable and its like are the store's errors with a cause from the driver.
func (s *Store) unavailable(err error) error { return s.wrap(store.ErrUnavailable, err) }

func (s *Store) wrap(as, err error) error {
	if slow := new(SlowError); errors.As(err, &slow) {
		return fmt.Errorf("%w: %w", as, slow)
	}
	return fmt.Errorf("%w: %w", as, s.hide.scrub(err))
}
