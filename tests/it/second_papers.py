#!/usr/bin/env python3
"""The documents of the second client (second_client.py), from section 11 of proto/PROTOCOL.md alone, with
Python's standard library and libzstd. Contents are held in memory; nothing is kept from one call to the next.

usage: second_papers.py vectors PROTOCOL.md
       second_papers.py put HOST:PORT HOME FILE... [--space ID] [--document ID] [--break-after BYTES]
       second_papers.py get HOST:PORT HOME FILENAME... --into DIR [--have FILE]...
       second_papers.py ask HOST:PORT HOME NAME[:PARENT]...
       second_papers.py offer HOST:PORT HOME FILE
       second_papers.py names FILE OUT

put     keeps files as new documents, or as a version of one; with --break-after the line is cut half-way
get     the newest Versions of these files' names; --have: a file, such as an old version, that is at hand
ask     for chunks by their SHA-256, which may be of another space: for each "came" or "missing", and the words
offer   a content, send its list and none of its chunks, and take the offer back once all of it was asked for
names   what a content's root and its first chunk are called; the root is written to OUT
"""
import argparse
import collections
import ctypes
import ctypes.util
import os
import re
import struct
import sys

from second_client import (BYE, FEED, Session, base_digest, bytes_field, every, fixed_field, make, new_id, number_field,
                           one, sha256, text_of, v5)

PING, PONG = 4, 5
OFFER, WANT, CHUNK, STORED, GET, CANCEL, MISSING, PACE = 30, 31, 32, 33, 34, 35, 36, 38
DOCUMENT, VERSION = 18, 19
KIB = 1024

# ---- 11.1, 11.2. Cutting, and the list ------------------------------------------------------

GEAR = [int.from_bytes(sha256(b"fivepits gear 1", bytes([b]))[:8], "big") for b in range(256)]


def end_of_chunk(data, at):
    """Where the chunk that begins there ends."""
    end, gear, h, i = min(at + 256 * KIB, len(data)), GEAR, 0, at + 16 * KIB
    for until, below in ((min(at + 64 * KIB, end), 1 << 46), (end, 1 << 50)):
        for b in data[i:until]:
            h = 2 * h + gear[b] & 0xFFFFFFFFFFFFFFFF
            i += 1
            if h < below:
                return i
    return end


def cut(data):
    """The chunks of a content, in order. An empty one is one chunk of no bytes."""
    at = 0
    while at < len(data) or at == 0:
        end = end_of_chunk(data, at)
        if end == len(data) and is_node(data[at:]):
            end = at + 1
        yield data[at:end]
        at = max(end, 1)


def nodes_of(level, entries):
    """The nodes of a level whose entries are (SHA-256, bytes), each with how many bytes are below it."""
    held = []
    for number, (name, size) in enumerate(entries):
        held.append((name, size))
        ends = len(held) == 256 or len(held) >= 32 and name[3] & 63 == 0
        if ends or number == len(entries) - 1:
            yield bytes([1, level]) + b"".join(n + struct.pack(">Q", s) for n, s in held), sum(s for _, s in held)
            held = []


class Content:
    """A file's bytes: its chunks and nodes by their names, and what a Version says of it."""

    def __init__(self, data):
        self.bytes, self.sha, self.chunks = len(data), sha256(data), {}
        self.lengths = []
        entries = []
        for chunk in cut(data):
            entries.append((self.keep(chunk), len(chunk)))
            self.lengths.append(len(chunk))
        self.leaves = list(dict.fromkeys(name for name, _ in entries))
        level = 0
        while len(entries) > 1:
            level += 1
            entries = [(self.keep(node), size) for node, size in nodes_of(level, entries)]
        self.root, self.levels = entries[0][0], level

    def keep(self, chunk):
        name = sha256(chunk)
        self.chunks[name] = chunk
        return name


def split(node):
    """A node's entries."""
    return [(node[i : i + 32], int.from_bytes(node[i + 32 : i + 40], "big")) for i in range(2, len(node), 40)]


def is_node(chunk):
    """Whether it has the form of one."""
    if not 42 <= len(chunk) <= 10242 or (len(chunk) - 2) % 40 or chunk[0] != 1 or not 1 <= chunk[1] <= 6:
        return False
    return all(0 < n <= (256 * KIB if chunk[1] == 1 else (1 << 48) - 1) for _, n in split(chunk))


def entries_of(node, level, size):
    """Level and entries of a node that was received, after all that 11.2 has a receiver check."""
    assert is_node(node) and node[1] == (level or node[1]), "no node of that level"
    found = split(node)
    assert sum(n for _, n in found) == size, "a node of another size"
    return node[1], found


# ---- 11.3. Chunks on the wire ---------------------------------------------------------------

ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd"))
for function in (ZSTD.ZSTD_compress, ZSTD.ZSTD_decompress, ZSTD.ZSTD_compressBound):
    function.restype = ctypes.c_size_t


def squeeze(chunk):
    """(form, the chunk as it is packed)."""
    room = ctypes.create_string_buffer(ZSTD.ZSTD_compressBound(ctypes.c_size_t(len(chunk))))
    n = ZSTD.ZSTD_compress(room, ctypes.c_size_t(len(room)), chunk, ctypes.c_size_t(len(chunk)), 3)
    if ZSTD.ZSTD_isError(ctypes.c_size_t(n)) or n > len(chunk) * 0.97:
        return 0, chunk
    return 1, room.raw[:n]


def expand(packed, form, raw):
    if form == 0:
        return packed
    room = ctypes.create_string_buffer(max(raw, 1))
    n = ZSTD.ZSTD_decompress(room, ctypes.c_size_t(raw), packed, ctypes.c_size_t(len(packed)))
    return None if ZSTD.ZSTD_isError(ctypes.c_size_t(n)) else room.raw[:n]


class Line(Session):
    """A session in which Chunks come and go."""

    def __init__(self, address, home):
        super().__init__(address, home)
        self.part = None  # (name, the bytes that have come)
        self.came, self.squeezed, self.cut = 0, 0, False
        self.open(marks=True)
        self.catch_up()

    def next(self):
        """The next frame that somebody here must see: pings, feeds and marks are dealt with."""
        while True:
            kind, message = self.frame()
            if kind == PING:
                self.send(PONG, b"")
            elif kind == FEED:
                self.feed(message)
            else:
                if kind == CHUNK and one(message, 6) is not None:
                    self.send(PACE, number_field(1, one(message, 6)))
                return kind, message

    def chunk(self, message):
        """(name, bytes) of a chunk that is all here; bytes are None if it is damaged. None of a part."""
        name, raw, form = one(message, 1), one(message, 2), one(message, 3, 0)
        size, offset, packed = one(message, 4), one(message, 5, 0), self.raw
        self.came += len(packed)
        if size is not None:
            before = self.part[1] if offset and self.part and self.part[0] == name else b""
            assert len(before) == offset, "a part out of its place"
            packed = before + packed
            self.part = (name, packed)
            if len(packed) < size:
                return None
        self.part = None
        self.squeezed += form == 1
        whole = expand(packed, form, raw)
        return name, whole if whole is not None and (len(whole), sha256(whole)) == (raw, name) else None


# ---- 11.4. Up -------------------------------------------------------------------------------


class Upload:
    """Offers of one session, until each is Stored. Keeps at most 256 KiB that no Pace has answered."""

    def __init__(self, line, contents, break_after=None, list_only=False):
        self.line, self.contents = line, {c.root: c for c in contents}
        self.left = set(self.contents)
        self.wanted = collections.defaultdict(collections.deque)  # root -> chunks, the first perhaps begun
        self.sent = collections.Counter()
        self.begun = None  # (root, form, packed, offset): parts of a chunk have no other between
        self.marks, self.mark = collections.OrderedDict(), 0
        self.asked = []
        self.safe, self.ending = set(), {}  # chunks that have come as a whole; mark -> the chunk that it ended
        self.break_after = break_after
        self.held_back = {n for c in contents for n in c.leaves} if list_only else set()

    def run(self):
        for c in self.contents.values():
            self.line.send(OFFER, bytes_field(1, c.root) + bytes_field(2, c.sha) + number_field(3, c.bytes))
        while self.left:
            if any(self.wanted.values()) and sum(self.marks.values()) < 256 * KIB and len(self.marks) < 32:
                self.send_part()
            else:
                self.take(*self.line.next())
            if self.break_after is not None and sum(self.sent.values()) >= self.break_after:
                self.line.cut = True
                self.line.tls.close()
                return
            if self.held_back and self.held_back <= set(self.asked):
                return

    def take(self, kind, message):
        if kind == WANT:
            self.asked += every(message, 2)
            self.wanted[one(message, 1)].extend(n for n in every(message, 2) if n not in self.held_back)
        elif kind == STORED:
            self.left -= set(every(message, 1))
        elif kind == MISSING:
            raise ValueError("Missing: " + one(message, 2, b"").decode())
        elif kind == PACE and one(message, 1) is not None:
            for mark in [m for m in self.marks if m <= one(message, 1)]:
                del self.marks[mark]
                if mark in self.ending:
                    self.safe.add(self.ending.pop(mark))

    def begin(self):
        """Of the offers that are waited for, the one of which the fewest bytes have gone."""
        root = min((r for r in self.wanted if self.wanted[r]), key=lambda r: self.sent[r])
        return root, *squeeze(self.contents[root].chunks[self.wanted[root][0]]), 0

    def send_part(self):
        root, form, packed, offset = self.begun or self.begin()
        name = self.wanted[root][0]
        part = packed[offset : offset + 24 * KIB]
        message = bytes_field(1, name) + number_field(2, len(self.contents[root].chunks[name])) + number_field(3, form)
        if len(part) < len(packed):
            message += number_field(4, len(packed)) + number_field(5, offset)
        self.mark += 1
        if self.line.marks:
            message += number_field(6, self.mark)
            self.marks[self.mark] = len(part)
        self.line.send(CHUNK, message, part)
        self.sent[root] += len(part)
        self.begun = (root, form, packed, offset + len(part))
        if offset + len(part) == len(packed):
            self.begun = None
            self.wanted[root].popleft()
            self.ending[self.mark] = name


def version_of(content, document, name, parents):
    """The fields of a Version. A content of one chunk has no list."""
    said = bytes_field(1, document) + bytes_field(2, name) + bytes_field(3, b"application/octet-stream")
    said += number_field(4, content.bytes) + bytes_field(5, content.sha) + b"".join(bytes_field(6, p) for p in parents)
    return said + (bytes_field(8, content.root) if content.levels else b"")


def versions(space):
    """The LIVE Versions of a space: (the entry that made it, id, its fields); the newest last."""
    found = []
    for i, (kind, record) in space.records.items():
        if kind == VERSION and record.get(0) == b"\1":
            found.append((space.made[i], i, b"".join(record[f] for f in sorted(record) if f)))
    return sorted(found)


def newest(space, document):
    """Those of a document that nothing released and that none of its others stands on (11.11)."""
    of = [(i, said) for _, i, said in versions(space) if one(said, 1) == document]
    below = {p for _, said in of for p in every(said, 6)}
    return [(i, said) for i, said in of if i not in below and one(said, 10) is None]


def moves_pick(space, document, version):
    """The Edit by which a new Version takes the place of the one that somebody picked, if one was."""
    pick = space.records[document][1].get(6, b"")
    if not pick:
        return []
    edit = number_field(1, DOCUMENT) + bytes_field(2, document) + bytes_field(4, bytes_field(6, version))
    return [edit + bytes_field(8, number_field(1, 6) + fixed_field(2, base_digest(pick)))]


def enter_version(line, space, content, name, document):
    """The change that makes the Version, and its Document if there is none yet."""
    version = new_id()
    if document:
        edits, parents = moves_pick(space, document, version), [i for i, _ in newest(space, document)]
    else:
        document, parents = new_id(), []
        edits = [make(DOCUMENT, document, bytes_field(1, name))]
    line.enter(space, edits + [make(VERSION, version, version_of(content, document, name, parents))])
    print(text_of(document))


def put(line, words):
    space = line.spaces[bytes.fromhex(words.space.replace("-", "")) if words.space else v5(line.area, b"partnership")]
    contents = []
    for path in words.file:
        with open(path, "rb") as f:
            contents.append(Content(f.read()))
    upload = Upload(line, contents, words.break_after)
    upload.run()
    print("chunks %d asked %d sent %d safe %d" % (len({n for c in contents for n in c.chunks}), len(upload.asked),
                                                  sum(upload.sent.values()), len(upload.safe)))
    if words.break_after is not None:
        return
    for path, content in zip(words.file, contents):
        document = bytes.fromhex(words.document.replace("-", "")) if words.document else None
        enter_version(line, space, content, os.path.basename(path).encode(), document)


# ---- 11.5. Down -----------------------------------------------------------------------------


class Download:
    """Chunks that are asked for; they must come as 11.5 says: for each parent in the order of its Gets."""

    def __init__(self, line):
        self.line, self.asked, self.have = line, 0, {}

    def fetch(self, asks):
        """asks: (parent or None, the chunks of it that are wanted); 16,384 at most are asked for at a time."""
        waiting, tries = {}, collections.Counter()
        for parent, names in asks:
            names = [n for n in dict.fromkeys(names) if n not in self.have and not any(n in q for q in waiting.values())]
            if names:
                waiting[parent] = self.get(parent, names)
        while any(waiting.values()):
            kind, message = self.line.next()
            if kind == MISSING:
                raise KeyError("missing %s %s" % (one(message, 1).hex(), one(message, 2, b"").decode()))
            got = self.line.chunk(message) if kind == CHUNK else None
            if not got:
                continue
            parent = next((p for p, q in waiting.items() if q and q[0] == got[0]), self)
            assert parent is not self, "a chunk that was not next"
            waiting[parent].popleft()
            if got[1] is not None:
                self.have[got[0]] = got[1]
            else:
                tries[got[0]] += 1
                assert tries[got[0]] < 3, "damaged three times"
                waiting[parent] += self.get(parent, [got[0]])

    def get(self, parent, names):
        self.asked += len(names)
        self.line.send(GET, (bytes_field(1, parent) if parent else b"") + b"".join(bytes_field(2, n) for n in names))
        return collections.deque(names)

    def content(self, said):
        """The bytes of a Version, level by level, checked as a whole."""
        size, root = one(said, 4, 0), one(said, 8)
        entries = [(root or one(said, 5), size)]
        parents, level = {entries[0][0]: None}, None if root else 0
        while True:
            asks = collections.defaultdict(list)
            for name, _ in entries:
                asks[parents[name]].append(name)
            self.fetch(asks.items())
            if level == 0:
                break
            below = []
            for name, n in entries:
                level_here, found = entries_of(self.have[name], level, n)
                below += found
                parents.update((child, name) for child, _ in found)
            entries, level = below, level_here - 1
        assert all(len(self.have[name]) == n for name, n in entries), "a chunk of another size than its entry says"
        whole = b"".join(self.have[name] for name, _ in entries)
        assert (len(whole), sha256(whole)) == (size, one(said, 5)), "the whole is another"
        return whole


def get(line, words):
    for name in words.filename:
        found = [v for s in line.spaces.values() for v in versions(s) if one(v[2], 2) == name.encode()]
        download, came, squeezed = Download(line), line.came, line.squeezed
        for path in words.have or []:
            with open(path, "rb") as f:
                download.have.update(Content(f.read()).chunks)
        whole = download.content(found[-1][2])
        with open(os.path.join(words.into, name), "wb") as f:
            f.write(whole)
        print("%s asked %d came %d squeezed %d" % (name, download.asked, line.came - came, line.squeezed - squeezed))


def ask(line, words):
    """What the server says of each chunk."""
    for asked in words.name:
        name, parent = ([bytes.fromhex(n) for n in asked.split(":")] + [None])[:2]
        try:
            Download(line).fetch([(parent, [name])])
            print("came")
        except KeyError as missing:
            print(missing.args[0].replace(name.hex(), "it"))


def offer(line, words):
    """Of a content its list alone is sent, until all chunks were asked for; then the offer is taken back."""
    with open(words.file, "rb") as f:
        content = Content(f.read())
    upload = Upload(line, [content], list_only=True)
    upload.run()
    line.send(CANCEL, bytes_field(1, content.root))
    print("chunks %d asked %d" % (len(content.chunks), len(upload.asked)))


def names(words):
    with open(words.file, "rb") as f:
        content = Content(f.read())
    with open(words.out, "wb") as f:
        f.write(content.chunks[content.root])
    print(content.root.hex(), content.leaves[0].hex())
    return 0


def vectors(words):
    """The block of section 18; the second content has a list of two levels."""
    with open(words.file, encoding="utf-8") as f:
        block = re.search(r"<!-- made by \S+: chunks -->\n```\n(.*?)```", f.read(), re.S).group(1)
    said = [(line[:18].strip(), line[19:]) for line in block.splitlines() if line and not line.startswith("--")]
    found = [("gear[%d]" % i, "%016x" % GEAR[i]) for i in range(3)]
    for count in (31250, 125000):
        content = Content(b"".join(sha256(struct.pack(">Q", i)) for i in range(count)))
        if count == 31250:
            found += [("first chunk", content.leaves[0].hex()), ("chunks", " ".join(map(str, content.lengths)))]
        for name, node in content.chunks.items():
            if name not in content.leaves:
                found.append(("level %d, of %d" % (node[1], (len(node) - 2) // 40), name.hex()))
        found += [("root", content.root.hex()), ("content", content.sha.hex())]
    for is_said, is_found in zip(said, found):
        if is_said != is_found:
            print("differs: %s %s is worked out as %s %s" % (is_said + is_found))
    print("%d values" % len(said))
    return 0 if said == found else 1


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(required=True)
    for run, arguments in ((vectors, "file"), (put, "file+ --space --document --break-after"),
                           (get, "filename+ --into --have"), (ask, "name+"), (offer, "file"), (names, "file out")):
        command = commands.add_parser(run.__name__)
        command.set_defaults(run=run)
        for name in ["address", "home"] * (run not in (vectors, names)) + arguments.split():
            command.add_argument(name.rstrip("+"), nargs="+" if name.endswith("+") else None,
                                 action="append" if name == "--have" else "store",
                                 type=int if name == "--break-after" else str)
    words = parser.parse_args()
    if words.run in (vectors, names):
        return words.run(words)
    line = Line(words.address, words.home)
    words.run(line, words)
    if not line.cut:
        line.send(BYE, number_field(1, 14))
    return 0


if __name__ == "__main__":
    sys.exit(main())
