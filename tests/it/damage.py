#!/usr/bin/env python3
"""Damages an area or a copy in one place at a time, and counts how often fsck finds it.

usage: damage.py FOLDER TRIALS SEED COMMAND...     COMMAND ends with exit status 0 if FOLDER is sound

Each trial puts FOLDER back as it was, then flips a bit, zeroes a run, cuts off the end of, or deletes one of its files:
database, log, documents. Where fsck finds nothing, all rows of the database and all other files are
compared with what they were: damage to what nobody reads (free pages, slack) is harmless and counted
apart, as is a copy's document that is gone (it is fetched again), and rows that nothing else can bear out and that
no record hangs on: an invitation, a session's nonce, when the server was reached last, what the search index has yet
to read. Prints "N damages: F found, H harmless, M missed", and each miss on standard error.
"""
import collections
import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys


SPARE = (b"invitation", b"nonce", b"named", b"meta", b"stale")


def files(folder):
    for at, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(at, name)
            if not name.endswith("-shm"):
                yield path


def rows(path):
    """All that the database says, or None if it can't be read."""
    copy = path + ".look"
    for end in ("", "-wal"):
        if os.path.exists(path + end):
            shutil.copyfile(path + end, copy + end)
    try:
        db = sqlite3.connect(copy)
        db.text_factory = bytes
        tables = db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        said = {b"": tables}
        for name, sql in tables:
            if sql and sql.startswith(b"CREATE TABLE") and name not in SPARE:
                said[name] = sorted(db.execute(f'SELECT * FROM "{name.decode()}"').fetchall(), key=repr)
        db.close()
        return said
    except (sqlite3.DatabaseError, OverflowError, UnicodeDecodeError):
        return None
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(copy + end):
                os.unlink(copy + end)


def damage(chance, data):
    """What is done, and the bytes after it (None: the file is gone)."""
    kind = chance.choices(("bit", "zeros", "noise", "cut", "gone"), (60, 15, 15, 8, 2))[0]
    if kind == "gone" or not data:
        return "gone", None
    at = chance.randrange(len(data))
    n = min(len(data) - at, chance.choice((16, 64, 512, 4096)))
    if kind == "bit":
        new = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]
    elif kind == "zeros":
        new = data[:at] + bytes(n) + data[at + n:]
    elif kind == "noise":
        new = data[:at] + chance.randbytes(n) + data[at + n:]
    else:
        new = data[:at]
    return f"{kind} at {at}", new


def main(folder, trials, seed, *command):
    chance = random.Random(int(seed))
    good = {path: open(path, "rb").read() for path in files(folder)}
    base = next(path for path in good if path.endswith(".db"))
    targets = [path for path in good if good[path] and (path.startswith(base) or "/documents/" in path)]
    said = rows(base)
    assert said and subprocess.run(command, capture_output=True).returncode == 0, "it is sound at first"
    counts = collections.Counter()
    for _ in range(int(trials)):
        path = chance.choices(targets, [len(good[t]) if t.startswith(base) else 4096 for t in targets])[0]
        what, new = damage(chance, good[path])
        if new == good[path]:
            continue
        if new is None:
            os.unlink(path)
        else:
            open(path, "wb").write(new)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode == 1:
            counts["found"] += 1
        elif done.returncode != 0:
            counts["missed"] += 1
            print("ended with", done.returncode, what, path, done.stderr[-300:], file=sys.stderr)
        else:
            now = rows(base)
            if now == said and (new is None and base.endswith("copy.db") or
                                all(open(p, "rb").read() == good[p]
                                    for p in targets if not p.startswith(base))):
                counts["harmless"] += 1
            else:
                counts["missed"] += 1
                tables = [k.decode() for k in said if not now or now.get(k) != said[k]]
                print("missed", what, path[len(folder):], tables, file=sys.stderr)
        for p in list(files(folder)) + [base + "-shm"]:
            if p not in good and os.path.exists(p):
                os.unlink(p)
        for p in (base, base + "-wal", path):
            if p in good:
                os.makedirs(os.path.dirname(p), exist_ok=True)
                open(p, "wb").write(good[p])
    print(f"{sum(counts.values())} damages: {counts['found']} found, {counts['harmless']} harmless, "
          f"{counts['missed']} missed")


if __name__ == "__main__":
    main(*sys.argv[1:])
