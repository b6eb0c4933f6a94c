package mongo

import "time"

// What this engine chose.
const (
	// schemaVersion is the version of the documents' form (see doc.go).
	schemaVersion = 1

	// defaultDatabase is used when the URI names none.
	defaultDatabase = "parley"

	// defaultTimeout is how long one exchange with the server may take, where the URI does not say (timeoutMS): an
	// election of a new primary (10 s by default) fits in.
	defaultTimeout = 15 * time.Second

	// selectTimeout is how long the driver looks for a usable server before it says so: it is asked again, and who
	// waits is told meanwhile.
	selectTimeout = time.Second

	// openPatience is how long Open tries to reach the server: a database that starts
	// beside the daemon is there by then.
	openPatience = 30 * time.Second

	// readPatience is how long one page of a read is tried again while the server is away, unless Options say otherwise.
	readPatience = 5 * time.Second

	// defaultPatience is how long Apply waits while the server is away, unless Options say otherwise.
	defaultPatience = 5 * time.Second

	// patienceMost is how many times that wait is extended while the server answers some requests and others are lost.
	patienceMost = 8

	// retryFirst to retryMost is the wait between two attempts.
	retryFirst = 20 * time.Millisecond
	retryMost  = 2 * time.Second

	// groupBytes and groupRequests bound a group of batches that one commit makes durable:
	// what is in memory, and the wait of the first. One batch may be larger (store.MaxBatchBytes).
	groupBytes    = 4 << 20
	groupRequests = 1024

	// queueLength is how many calls of Apply may wait for the committer before more of them block.
	queueLength = 1024

	// stateCache is how many heads and rooms are kept between groups, about 500 bytes each.
	stateCache = 8192

	// A page of a sequence begins with firstPage items, for many callers want one. Each page is an exchange with the
	// server, so who goes on reading is given more each time, up to pageGrowth times as many items: the second has at most
	// pageBytes, later ones bytesGrowth times as many each, up to Options.PageBytes.
	firstPage   = 16
	pageGrowth  = 16
	pageBytes   = 512 << 10
	bytesGrowth = 4

	// defaultLargePage is Options.PageBytes unless told, and largePages how many sequences at once have pages above pageBytes:
	// together 16 MiB, however many read at their own pace.
	defaultLargePage = 4 << 20
	largePages       = 4

	// itemBytes is what an item of a page counts for besides its content: about what it takes of memory.
	itemBytes = 256

	// fewRecords is how many records of a kind are read at once, if they have fewer than pageBytes.
	fewRecords = 256

	// mostFetch is how many documents are asked for by _id at once.
	mostFetch = 1000

	// sweepItems is how many spans one document of the collection sweeps lists.
	sweepItems = 1000

	// voidsKept is how many void commit numbers a view keeps before those that are older than
	// voidAge are searched for and forgotten. A write of a process that is gone is at most that long under way.
	voidsKept = 64
	voidAge   = time.Hour

	// maxShared is how many bytes Others returns at a time: a part of what may wait for the store.
	maxShared = 4 << 20

	// lookAgain is how many times a room of another view that has not changed is passed over.
	lookAgain = 30

	// closeTimeout bounds what Close does at the server; a view that is not let go of in order costs the next to
	// open it one void commit.
	closeTimeout = 3 * time.Second

	// statsEvery is how often the database's size is asked for, and statsFirst when it is first: some servers look at all they have.
	statsEvery = 30 * time.Second
	statsFirst = time.Second
)
