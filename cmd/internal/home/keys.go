package home

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"parley/handshake/identity"
)

// A Passphrase finds the passphrase of the key files. The places are tried in
// the order of the fields; the zero value finds none.
type Passphrase struct {
	File       string   // --passphrase-file
	Env        bool     // $PARLEY_PASSPHRASE
	Credential bool     // parley-passphrase among systemd's credentials
	Terminal   *os.File // asked there, if it is a terminal; for protected keys only
	Prompt     io.Writer

	typed *[]byte // what was typed there, to be used again; nil: nothing is kept
}

// StandardPassphrase looks in all the usual places.
func StandardPassphrase(file string) Passphrase {
	return Passphrase{File: file, Env: true, Credential: true, Terminal: os.Stdin, Prompt: os.Stderr, typed: new([]byte)}
}

// Given returns the passphrase that was given without asking, or nil.
func (p Passphrase) Given() ([]byte, error) {
	if p.typed != nil && *p.typed != nil {
		return *p.typed, nil
	}
	path := p.File
	if path == "" && p.Env {
		if v := os.Getenv(EnvPassphrase); v != "" {
			return []byte(v), nil
		}
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); path == "" && p.Credential && dir != "" {
		path = filepath.Join(dir, "parley-passphrase")
		if _, err := os.Stat(path); missing(err) {
			path = ""
		}
	}
	if path == "" {
		return nil, nil
	}
	b, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("home: passphrase: %w", err)
	}
	b = bytes.TrimRight(b, "\r\n")
	if len(b) == 0 {
		return nil, fmt.Errorf("home: passphrase: %s is empty", path)
	}
	return b, nil
}

// ask prompts for the passphrase of a protected key.
func (p Passphrase) ask(what string) ([]byte, error) {
	if p.Terminal == nil || !term.IsTerminal(int(p.Terminal.Fd())) {
		return nil, fmt.Errorf("%w: give --passphrase-file, %s or the systemd credential parley-passphrase", ErrPassphrase, EnvPassphrase)
	}
	fmt.Fprintf(p.Prompt, "Passphrase of %s: ", what)
	b, err := term.ReadPassword(int(p.Terminal.Fd()))
	fmt.Fprintln(p.Prompt)
	if err != nil {
		return nil, fmt.Errorf("home: passphrase: %w", err)
	}
	if p.typed != nil {
		*p.typed = b
	}
	return b, nil
}

// KeyOptions direct the loading, and at first use the making, of a key.
type KeyOptions struct {
	Passphrase Passphrase
	Name       string       // of a new identity; "": the login name, or the host's for a peer
	Algorithm  byte         // of a new identity; 0: Ed25519
	Notice     func(string) // told when an identity is made; may be nil
}

// HasUser reports whether this home has a user's key already.
func (h *Home) HasUser() bool {
	_, err := os.Stat(h.UserKeyPath())
	return err == nil
}

// LoadOrCreateUser returns the user's identity, which it makes at first use
// and registers as a local user of this home's peer.
func (h *Home) LoadOrCreateUser(ctx context.Context, opts KeyOptions) (*identity.Private, error) {
	if opts.Name == "" {
		opts.Name = loginName()
	}
	key, err := loadOrCreate(ctx, h.UserKeyPath(), "your identity", opts)
	if err != nil {
		return nil, err
	}
	return key, h.RegisterLocalUser(key.ID())
}

// LoadOrCreatePeer returns the peer's identity, which it makes at first use.
func (h *Home) LoadOrCreatePeer(ctx context.Context, opts KeyOptions) (*identity.Private, error) {
	if opts.Name == "" {
		opts.Name, _ = os.Hostname()
	}
	return loadOrCreate(ctx, h.PeerKeyPath(), "this peer's identity", opts)
}

// ChangeUser changes the user's identity in its file, while no other process
// does, and returns it.
func (h *Home) ChangeUser(ctx context.Context, pass Passphrase, change func(*identity.Private) error) (key *identity.Private, err error) {
	if pass.typed == nil {
		pass.typed = new([]byte) // what is typed protects the new file too
	}
	path := h.UserKeyPath()
	err = withLock(ctx, path+".lock", func() error {
		given, err := pass.Given()
		if err != nil {
			return err
		}
		if key, err = load(path, "your identity", given, pass); err != nil {
			return err
		}
		if err := change(key); err != nil {
			return err
		}
		if given, err = pass.Given(); err != nil {
			return err
		}
		return identity.Save(path, key, given)
	})
	return key, err
}

func loadOrCreate(ctx context.Context, path, what string, opts KeyOptions) (key *identity.Private, err error) {
	given, err := opts.Passphrase.Given()
	if err != nil {
		return nil, err
	}
	err = withLock(ctx, path+".lock", func() error {
		if _, err := os.Stat(path); err == nil {
			key, err = load(path, what, given, opts.Passphrase)
			return err
		}
		alg := opts.Algorithm
		if alg == 0 {
			alg = identity.Ed25519
		}
		if key, err = identity.Generate(alg, claimable(opts.Name)); err != nil {
			return err
		}
		if err := identity.Save(path, key, given); err != nil {
			return err
		}
		if opts.Notice != nil {
			opts.Notice(fmt.Sprintf("made %s: %s (%s)", what, key.ID(), strings.Join(identity.Fingerprint(key.ID())[:4], " ")))
		}
		return nil
	})
	return key, err
}

func load(path, what string, given []byte, pass Passphrase) (*identity.Private, error) {
	key, err := identity.Load(path, given)
	if errors.Is(err, identity.ErrPassphrase) && given == nil {
		if given, err = pass.ask(what); err != nil {
			return nil, err
		}
		key, err = identity.Load(path, given)
	}
	return key, err
}

func loginName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	name := u.Username
	if i := strings.LastIndexByte(name, '\\'); i >= 0 { // DOMAIN\name on Windows
		name = name[i+1:]
	}
	return name
}

// claimable cuts a name down to what a bundle may hold.
func claimable(name string) string {
	name = strings.Map(func(r rune) rune {
		if identity.CheckName(string(r)) != nil {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if len(name) > identity.MaxName {
		name = strings.ToValidUTF8(name[:identity.MaxName], "")
	}
	return name
}
