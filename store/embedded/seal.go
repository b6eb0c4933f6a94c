package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"parley/store"
)

// closedFile lists the files of a store that was closed in good order and that have no checksum over all of
// them: Pebble takes a damaged end of a write-ahead log or a manifest for one that was being written.
const closedFile = "CLOSED"

// seal writes CLOSED, after the database was closed: a line for each file with its size and SHA-256, and the
// SHA-256 of those lines.
func (f *folder) seal() error {
	names, err := f.fs.List(f.name(dataFolder))
	if err != nil {
		return describe(f.path, err)
	}
	var lines strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			continue // each block has its own
		}
		line, err := f.sum(name)
		if err != nil {
			return describe(f.path, err)
		}
		lines.WriteString(line)
	}
	temporary := f.name(closedFile + ".new")
	if err := writeFile(f.fs, temporary, lines.String()+ownSum(lines.String())); err != nil {
		return describe(f.path, err)
	}
	if err := f.fs.Rename(temporary, f.name(closedFile)); err != nil {
		return describe(f.path, err)
	}
	return syncFolder(f.fs, f.path)
}

// sum is the line of one of the database's files. What it says of the file must last as long as it does itself.
func (f *folder) sum(name string) (string, error) {
	file, err := f.fs.Open(f.fs.PathJoin(f.name(dataFolder), name))
	if err != nil {
		return "", err
	}
	h := sha256.New()
	size, err := io.Copy(h, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %s\n", name, size, hex.EncodeToString(h.Sum(nil))), nil
}

func ownSum(lines string) string {
	sum := sha256.Sum256([]byte(lines))
	return hex.EncodeToString(sum[:]) + "\n"
}

// unseal compares the files with CLOSED, if it is there, and removes it: from now on they change.
func (f *folder) unseal() error {
	file, err := f.fs.Open(f.name(closedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was not closed in good order
	}
	if err != nil {
		return describe(f.path, err)
	}
	content, err := io.ReadAll(io.LimitReader(file, maxClosed))
	if err = errors.Join(err, file.Close()); err != nil {
		return describe(f.path, err)
	}
	lines := string(content)
	if at := max(0, len(lines)-2*sha256.Size-1); ownSum(lines[:at]) == lines[at:] {
		for line := range strings.Lines(lines[:at]) {
			name, _, _ := strings.Cut(line, " ")
			switch now, err := f.sum(name); {
			case errors.Is(err, fs.ErrNotExist):
				return damagedFile(f.fs.PathJoin(f.name(dataFolder), name), "it is gone")
			case err != nil:
				return describe(f.path, err)
			case now != line:
				return damagedFile(f.fs.PathJoin(f.name(dataFolder), name), "it is not what it was when the store was closed")
			}
		}
	} // else it is itself what is damaged; the files are read without it
	if err := f.fs.Remove(f.name(closedFile)); err != nil {
		return describe(f.path, err)
	}
	return syncFolder(f.fs, f.path)
}

// damagedFile says which file is damaged, and what to do.
func damagedFile(path, what string) error {
	return fmt.Errorf("%w: %s: %s: check the disk, and restore the store from a backup", store.ErrCorrupt, path, what)
}
