// Command ferretdb is the MongoDB server that the tests of store/mongo run against: FerretDB 1.24.2, which
// speaks MongoDB's wire protocol and keeps documents in SQLite files, behind a front that
// serialises requests (it loses concurrent updates without) and breaks connections when told to. It is a module of its own so that
// nothing of it is in the program's.
//
//	ferretdb -dir FOLDER [-listen HOST:PORT]
//
// It prints "ready HOST:PORT", then reads commands from standard input, one a line, and answers each with
// "ok" and the number of requests broken so far. At the end of standard input it ends. The commands, where
// a request is any but a greeting (hello, isMaster, ping, endSessions and those of cursors):
//
//	cut before N   the Nth request from now is not forwarded: its connection is closed
//	cut after N    the Nth request from now is carried out, and its connection closed instead of an answer
//	every before N, every after N   the same for each Nth request, until "heal"
//	slow MS        each request waits so many milliseconds before it is carried out, until "heal"
//	refuse WHY CODE  every write is answered with an error of MongoDB's of that code, until "heal"
//	away           all connections are closed and new ones too, until "heal"
//	count          nothing, but for the number in the answer
//	heal           none of the above any more
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// pragmas leave it to the system when a write reaches the disk: what the tests do to the server is kill -9, after which what was
// written is in the page cache. Without, most of the time of the tests goes into waiting for the disk.
const pragmas = "_pragma=synchronous(off)"

// gcPercent: the server decodes every document of a collection for most reads, so collecting garbage at each
// doubling of so small a heap takes a third of its time.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "folder of the SQLite files")
	listen := flag.String("listen", "127.0.0.1:0", "address of the front")
	flag.Parse()
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		return err
	}
	folder, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	sockets, err := os.MkdirTemp("", "ferretdb") // a socket's path is at most 108 bytes
	if err != nil {
		return err
	}
	defer os.RemoveAll(sockets)
	socket := filepath.Join(sockets, "s")
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Handler:   "sqlite",
		SQLiteURL: "file:" + folder + "/?" + pragmas,
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		stop()
		return err
	}
	f := &front{socket: socket}
	go f.serve(ln)
	fmt.Println("ready", ln.Addr())
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if err := f.command(in.Text()); err != nil {
			fmt.Println("error", err)
			continue
		}
		fmt.Println("ok", f.broken.Load())
	}
	if err := in.Err(); err != nil && err != io.EOF {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
	}
	stop()
	return <-ended
}
