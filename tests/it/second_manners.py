#!/usr/bin/env python3
"""What the second client must not send, by section 11 of proto/PROTOCOL.md, and how it is answered.

usage: second_manners.py HOST:PORT HOME     for each case a line: its name, and how it ended
"""
import os
import struct
import sys

from second_client import bytes_field, every, number_field, one, sha256
from second_papers import CHUNK, GET, MISSING, OFFER, PACE, STORED, WANT, Line


class Rude(Line):
    def offer(self, root, content, size):
        self.send(OFFER, bytes_field(1, root) + bytes_field(2, content) + number_field(3, size))

    def give(self, name, raw, *more):
        """more: numbers of fields and their values, then the bytes."""
        message = bytes_field(1, name) + number_field(2, len(raw))
        for number, value in more:
            message += number_field(number, value)
        return lambda data: self.send(CHUNK, message, data)

    def outcome(self, answer=None):
        """Of what was sent. Each chunk that is wanted is answered with these bytes, if there are any."""
        wants = 0
        while True:
            try:
                kind, message = self.next()
            except EOFError as ended:
                return str(ended).split(":")[0]
            if kind == MISSING:
                return "Missing after Want" if wants == 1 else "Missing after %d Wants" % wants
            if kind == STORED:
                return "Stored"
            if kind == WANT:
                wants += 1
                for name in every(message, 2) if answer else []:
                    self.give(name, answer)(answer)


def node(level, *entries):
    return bytes([1, level]) + b"".join(name + struct.pack(">Q", size) for name, size in entries)


def lists(chunk):
    """(name, root): what is called a list and is none, or does not fit a content of 100 bytes."""
    name, other = sha256(chunk), os.urandom(32)
    yield "a root that is no list", chunk
    yield "a level above 6", node(7, (other, 100))
    yield "an entry of nothing", node(1, (other, 100), (name, 0))
    yield "entries that add up to more", node(1, (other, 100), (name, 1))
    yield "257 entries", node(1, *[(other, 1)] * 257)


def breaches(chunk):
    """(name, what is done in a session)."""
    name, other = sha256(chunk), os.urandom(32)
    yield "a part that is not next", lambda s: s.give(name, chunk, (4, 100), (5, 60))(chunk[60:])
    yield "a part of nothing", lambda s: s.give(name, chunk, (4, 100))(b"")
    yield "more than the size", lambda s: s.give(name, chunk, (4, 50))(chunk)
    yield "a chunk of more than 256 KiB", lambda s: s.send(CHUNK, bytes_field(1, name) + number_field(2, 262145), chunk)
    yield "a mark that was never sent", lambda s: s.send(PACE, number_field(1, 5))
    yield "a short name", lambda s: s.send(GET, bytes_field(2, name[:31]))
    yield "257 offers", lambda s: [s.offer(n, n, 9) for n in (sha256(name, b"%d" % i) for i in range(257))]
    yield "16,385 chunks", lambda s: s.send(GET, b"".join(bytes_field(2, other) for _ in range(16385)))


def main(address, home):
    chunk = os.urandom(100)
    session = Rude(address, home)
    for what, root in lists(chunk):
        session.offer(sha256(root), os.urandom(32), 100)
        print("%s: %s" % (what, session.outcome(root)))
    listed = node(1, (sha256(chunk), 9))
    session.offer(sha256(listed), sha256(listed), len(listed))
    print("a list that is put as a file of one chunk: %s" % session.outcome(listed))
    session.offer(sha256(chunk, b"."), sha256(chunk, b"."), 101)
    print("damaged again and again: %s" % session.outcome(os.urandom(101)))
    session.give(sha256(b"?"), b"?", (6, 7))(b"?")
    kind, message = session.next()
    print("a chunk that nobody waits for: %s" % ("Pace" if (kind, one(message, 1)) == (PACE, 7) else kind))
    session.offer(sha256(chunk), sha256(chunk), 100)
    print("and it goes on: %s" % session.outcome(chunk))
    for what, do in breaches(chunk):
        session = Rude(address, home)
        do(session)
        print("%s: %s" % (what, session.outcome()))


if __name__ == "__main__":
    main(*sys.argv[1:])
