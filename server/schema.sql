-- The server's database. What a copy could ask for stands in entry; record, conflict, frozen and
-- named follow from it and are made again by replaying it. All SQL on these tables
-- is in journal.c, journal_read.c, ground.c, indexes.c, held.c and join.c. The tables of the store of
-- documents' chunks are in common/store.sql.

-- What this area is: its id, the next number of a space.
CREATE TABLE setting (
	name	TEXT NOT NULL PRIMARY KEY,
	value	BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The spaces. `local` is the space's short name in the other tables, never told to anyone.
CREATE TABLE space (
	local	INTEGER NOT NULL PRIMARY KEY,
	id	BLOB NOT NULL UNIQUE,
	epoch	INTEGER NOT NULL
) STRICT;

-- The journals of all spaces, in one table by one integer: local * 2^40 + the entry's number.
-- The head of a space is its last row.
CREATE TABLE entry (
	key	INTEGER NOT NULL PRIMARY KEY,
	header	BLOB NOT NULL,
	salt	BLOB NOT NULL,
	body	BLOB NOT NULL,
	chain	BLOB NOT NULL
) STRICT;

-- The accepted state: fields as record_pack writes them, each with the entry that last set it.
CREATE TABLE record (
	space	INTEGER NOT NULL,
	id	BLOB NOT NULL,
	type	INTEGER NOT NULL,
	number	INTEGER NOT NULL,
	fields	BLOB NOT NULL,
	PRIMARY KEY (space, id)
) STRICT, WITHOUT ROWID;

-- Every change that has a verdict, so that the same change again gets the same answer. Of an accepted
-- one the bytes are in its entry; of a refused one the hash is kept, and the words; of a held one too,
-- and its bytes are in held. decider: the device of who refused a held one.
CREATE TABLE change (
	id	BLOB NOT NULL PRIMARY KEY,
	entry	INTEGER,
	verdict	INTEGER NOT NULL,
	hash	BLOB,
	words	TEXT,
	decider	BLOB
) STRICT, WITHOUT ROWID;

-- Changes whose author's right to write had ended before they came: outside every journal, until the
-- decider of the space has accepted or refused them, in the order in which they came.
CREATE TABLE held (
	seq	INTEGER NOT NULL PRIMARY KEY,
	id	BLOB NOT NULL UNIQUE,
	space	INTEGER NOT NULL,
	device	BLOB NOT NULL,
	time_ms	INTEGER NOT NULL,
	bytes	BLOB NOT NULL
) STRICT;
CREATE INDEX held_space ON held (space, seq);

-- The devices that were told of a space with the right to write in it: only their changes are held.
CREATE TABLE holder (
	device	BLOB NOT NULL,
	space	INTEGER NOT NULL,
	PRIMARY KEY (device, space)
) STRICT, WITHOUT ROWID;

-- What is kept here of each device's changes without being in a journal: that is bounded.
CREATE TABLE tally (
	device	BLOB NOT NULL PRIMARY KEY,
	refused	INTEGER NOT NULL,
	held	INTEGER NOT NULL,
	bytes	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The open Conflict on a record's field group.
CREATE TABLE conflict (
	space	INTEGER NOT NULL,
	record	BLOB NOT NULL,
	part	INTEGER NOT NULL,
	id	BLOB NOT NULL,
	PRIMARY KEY (space, record, part)
) STRICT, WITHOUT ROWID;

-- The items that approved Minutes hold fast: a late edit of one becomes a Note.
CREATE TABLE frozen (
	space	INTEGER NOT NULL,
	item	BLOB NOT NULL,
	minutes	BLOB NOT NULL,
	PRIMARY KEY (space, item, minutes)
) STRICT, WITHOUT ROWID;

-- Which Version records that were not released name a content, by the root of its list.
CREATE TABLE named (
	root	BLOB NOT NULL,
	space	INTEGER NOT NULL,
	version	BLOB NOT NULL,
	PRIMARY KEY (root, space, version)
) STRICT, WITHOUT ROWID;

-- Chunks that a device has sent and that no Version of it names yet, with the day.
CREATE TABLE brought (
	device	BLOB NOT NULL,
	chunk	BLOB NOT NULL,
	day	INTEGER NOT NULL,
	PRIMARY KEY (device, chunk)
) STRICT, WITHOUT ROWID;
CREATE INDEX brought_chunk ON brought (chunk);

-- Contents that a device has offered and sent to the last chunk, and that it may name.
CREATE TABLE delivered (
	root	BLOB NOT NULL,
	device	BLOB NOT NULL,
	bytes	INTEGER NOT NULL,
	day	INTEGER NOT NULL,
	PRIMARY KEY (root, device)
) STRICT, WITHOUT ROWID;

-- Where a space began a new epoch: `common` is up to where the line that it left was kept, `begins`
-- the first number of the epoch.
CREATE TABLE epoch (
	space	INTEGER NOT NULL,
	epoch	INTEGER NOT NULL,
	common	INTEGER NOT NULL,
	begins	INTEGER NOT NULL,
	PRIMARY KEY (space, epoch)
) STRICT, WITHOUT ROWID;

-- Entries that a copy hands in, until their run is whole: heap * 2^40 + number. Empty but in a
-- recovery. An empty body: the copy did not have it either.
CREATE TABLE staged (
	key	INTEGER NOT NULL PRIMARY KEY,
	header	BLOB NOT NULL,
	salt	BLOB NOT NULL,
	body	BLOB NOT NULL
) STRICT;

-- Spaces that are not served: the server was set back, and no copy has borne them out yet.
CREATE TABLE recovering (
	space	BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- The copies of a device, told apart by the nonce that each was given last.
CREATE TABLE nonce (
	device	BLOB NOT NULL,
	lineage	INTEGER NOT NULL,
	current	BLOB NOT NULL,
	previous BLOB NOT NULL,
	PRIMARY KEY (device, lineage)
) STRICT, WITHOUT ROWID;

-- Contents (by root) that Versions name and that are not whole here: lost with what the server was set
-- back from, or found damaged.
CREATE TABLE lacking (
	content	BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Invitations not yet used. The verifier proves a code; the code itself is nowhere.
CREATE TABLE invitation (
	id	BLOB NOT NULL PRIMARY KEY,
	verifier BLOB NOT NULL,
	person	BLOB NOT NULL,
	school	BLOB NOT NULL,
	expires_ms INTEGER NOT NULL,
	failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
