-- A copy: what one device holds of an area (client/copy.h). Version 2.
--
-- First what nothing else can be made from: who this device is, the journal of each space, what is
-- waiting to be sent. An id is 16 bytes. Numbers of entries are below 2^40. The tables of the store
-- of documents' chunks are in common/store.sql.

CREATE TABLE meta (
	key	TEXT PRIMARY KEY,
	value	TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A space held here. `number` and `chain` are of its last entry; `indexed` is how far the search
-- index has come; `first` is how far the server was when this copy began: below that, bodies may be
-- left out, and values are complete once `number` has come there. state 0: open; 1: lost, but a pending change in it still wants its verdict.
CREATE TABLE held (
	slot	INTEGER PRIMARY KEY,
	space	BLOB NOT NULL UNIQUE,
	state	INTEGER NOT NULL,
	epoch	INTEGER NOT NULL,
	number	INTEGER NOT NULL,
	chain	BLOB NOT NULL,
	indexed	INTEGER NOT NULL,
	first	INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The newest head that the server signed, of each space: what this copy can bear witness to.
CREATE TABLE head (
	slot		INTEGER PRIMARY KEY,
	epoch		INTEGER NOT NULL,
	number		INTEGER NOT NULL,
	chain		BLOB NOT NULL,
	signature	BLOB NOT NULL
) STRICT;

-- The journal of all spaces. key is slot * 2^40 + number. Where the body was not fetched yet, `sealed`
-- is what the chain takes of it, SHA-256(salt, body), and the salt is empty.
CREATE TABLE entry (
	key	INTEGER PRIMARY KEY,
	header	BLOB NOT NULL,
	salt	BLOB NOT NULL,
	body	BLOB,
	sealed	BLOB
) STRICT;
CREATE INDEX entry_absent ON entry (key) WHERE body IS NULL;

-- Where a change stands in the journal.
CREATE TABLE entry_change (
	change	BLOB PRIMARY KEY,
	key	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- This device's changes that are not in the journal yet, in the order in which they were made.
-- state 0: to be sent; 1: refused; 2: it stands after a refused one; 3: the server holds it until
-- somebody has decided on it; 5: it would withdraw many records, or stands after one that would, and
-- waits for the person's word. `words` says why.
-- withdraws: how many records it withdraws without the person having been asked.
-- contents: the roots of documents that must be on the server first, one behind the other;
-- afters: the changes that it stands after, one behind the other.
CREATE TABLE pending (
	seq		INTEGER PRIMARY KEY AUTOINCREMENT,
	change		BLOB NOT NULL UNIQUE,
	space		BLOB NOT NULL,
	state		INTEGER NOT NULL,
	words		TEXT,
	contents	BLOB,
	afters		BLOB,
	bytes		BLOB NOT NULL,
	withdraws	INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX pending_withdraws ON pending (space) WHERE withdraws > 0;

-- Changes of others that the server holds and that this person decides on, in the order in which
-- they came; each space's list is as the server said last.
CREATE TABLE held_here (
	seq	INTEGER PRIMARY KEY AUTOINCREMENT,
	change	BLOB NOT NULL UNIQUE,
	space	BLOB NOT NULL,
	device	BLOB NOT NULL,
	time_ms	INTEGER NOT NULL,
	bytes	BLOB NOT NULL
) STRICT;

-- Which records the changes of states 0 and 5 edit.
CREATE TABLE pending_record (
	record	BLOB NOT NULL,
	seq	INTEGER NOT NULL,
	PRIMARY KEY (record, seq)
) STRICT, WITHOUT ROWID;

-- Where the server, set back and recovered, had this copy go back to `number`: what was seen above
-- that in an epoch before `epoch` is not on this copy's line any more.
CREATE TABLE rewound (
	slot	INTEGER NOT NULL,
	epoch	INTEGER NOT NULL,
	number	INTEGER NOT NULL,
	PRIMARY KEY (slot, epoch)
) STRICT, WITHOUT ROWID;

-- How much of a document the server has, as was known last, by its root: for the person to see.
CREATE TABLE sending (
	root	BLOB NOT NULL PRIMARY KEY,
	sent	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What this device holds of documents' bytes, as its person said. Of a space: what 1, all versions; 2,
-- the newest; 3, none unasked; files above `most` bytes (0: of any size) only when asked for. Of a
-- document: 4, keep it here; 5, keep it out. Of a version: 6, its bytes are asked for.
CREATE TABLE holding (
	id	BLOB NOT NULL PRIMARY KEY,
	what	INTEGER NOT NULL,
	most	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What follows is made from the above, and can be made again (`fivepits rebuild`).

-- The accepted state of each record (common/record.h), also of types that this version does not know.
CREATE TABLE record (
	id	BLOB NOT NULL,
	slot	INTEGER NOT NULL,
	type	INTEGER NOT NULL,
	number	INTEGER NOT NULL,
	fields	BLOB NOT NULL,
	PRIMARY KEY (id, slot)
) STRICT, WITHOUT ROWID;

-- The open Conflict on a record's field group.
CREATE TABLE open_conflict (
	record		BLOB NOT NULL,
	slot		INTEGER NOT NULL,
	field_group	INTEGER NOT NULL,
	conflict	BLOB NOT NULL,
	PRIMARY KEY (record, slot, field_group)
) STRICT, WITHOUT ROWID;

-- The tables with a row for each record as it is shown, one for each type, are made from the
-- descriptors (client/tables.h); their names stand here, so that another version can drop them.
CREATE TABLE typed (
	name	TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- The search index. stale: records that it must look at again although no entry says so.
CREATE VIRTUAL TABLE search USING fts5(title, body, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TABLE search_row (
	row	INTEGER PRIMARY KEY,
	record	BLOB NOT NULL,
	slot	INTEGER NOT NULL,
	type	INTEGER NOT NULL,
	UNIQUE (record, slot)
) STRICT;
CREATE TABLE stale (
	record	BLOB NOT NULL,
	slot	INTEGER NOT NULL,
	PRIMARY KEY (record, slot)
) STRICT, WITHOUT ROWID;

-- The text of contents that are whole here, once they were read; none: nothing can be read from it.
CREATE TABLE document_text (
	root	BLOB NOT NULL PRIMARY KEY,
	text	BLOB NOT NULL
) STRICT, WITHOUT ROWID;
