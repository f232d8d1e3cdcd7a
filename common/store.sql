-- The store of documents' chunks (common/store.h): these tables stand in the database of either side.

-- A chunk stands in pack-N at a place, `size` bytes there and `raw` bytes as it is, and came on a day
-- (since 1970).
CREATE TABLE chunk (
	hash	BLOB NOT NULL PRIMARY KEY,
	pack	INTEGER NOT NULL,
	at	INTEGER NOT NULL,
	size	INTEGER NOT NULL,
	raw	INTEGER NOT NULL,
	form	INTEGER NOT NULL,
	node	INTEGER NOT NULL,
	day	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chunk_place ON chunk (pack, at);

-- Which node lists a chunk.
CREATE TABLE edge (
	child	BLOB NOT NULL,
	parent	BLOB NOT NULL,
	PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;

-- Where a pack ends, and how many of its bytes are chunks.
CREATE TABLE pack (
	number	INTEGER NOT NULL PRIMARY KEY,
	size	INTEGER NOT NULL,
	live	INTEGER NOT NULL
) STRICT;

-- A content that is here to its last chunk, by the root of its list.
CREATE TABLE content (
	root	BLOB NOT NULL PRIMARY KEY,
	sha	BLOB NOT NULL,
	bytes	INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Chunks that may be removed, and stretches of packs that must be erased.
CREATE TABLE doomed (
	hash	BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE hole (
	pack	INTEGER NOT NULL,
	at	INTEGER NOT NULL,
	len	INTEGER NOT NULL,
	PRIMARY KEY (pack, at)
) STRICT, WITHOUT ROWID;
