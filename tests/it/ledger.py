#!/usr/bin/env python3
"""A ledger kept outside the product: who wrote what, having seen what; and the judge of what is left.

usage: ledger.py LEDGER COPY

LEDGER is a folder with a file for each writer, WHO.log, of lines of tabs, in the order in which things
happened to WHO:
    shown FILE                 what `list TYPE --json` printed at WHO then (so: what WHO had seen)
    sides FILE                 what `conflicts --json` printed at WHO then
    edit RECORD FIELD VALUE    WHO set the field; exit 0 was seen. Values are never used twice.
    settle RECORD FIELD VALUE  the same, having both versions in view
COPY is a folder with list.json, conflicts.json and history/RECORD.json, as one copy prints them at the end.

An edit is safe if its value stands, or is a side of an open pair of versions, or was replaced by
somebody who had seen it, and whose own edit is safe. Two versions are needless if only one of the sides
is not something that the author of another side had seen. Prints how many edits there were and how many
are not safe, not in the history, there twice, and how many pairs are needless; details go to standard error.
"""
import collections
import glob
import json
import os
import sys


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def replay(path):
    """The edits of one writer: (record, field, value, the values seen in its place)."""
    who = os.path.basename(path)[:-4]
    shown, sides = {}, collections.defaultdict(set)
    for line in open(path, encoding="utf-8"):
        verb, *rest = line.rstrip("\n").split("\t")
        if verb == "shown":
            shown = {r["id"]: r for r in load(rest[0])}
        elif verb == "sides":
            sides.clear()
            for c in load(rest[0]):
                for side in c["sides"]:
                    for field, value in side.get("values", {}).items():
                        if isinstance(value, str):
                            sides[c["record"], field].add(value)
        else:
            record, field, value = rest
            seen = {shown[record].get(field)} - {None}
            if verb == "settle":
                seen |= sides.pop((record, field), set())
            yield who, record, field, value, seen
            shown[record][field] = value


def main(ledger, copy):
    sys.setrecursionlimit(100000)
    edits, saw = {}, {}
    needless = []
    replaced = collections.defaultdict(list)
    for log in sorted(glob.glob(os.path.join(ledger, "*.log"))):
        for who, record, field, value, seen in replay(log):
            key = (record, field, value)
            assert key not in edits, key
            edits[key] = who
            saw[key] = seen
            for old in seen:
                replaced[record, field, old].append(key)

    def before(record, field, value, found):
        for old in saw.get((record, field, value), ()):
            if old not in found:
                found.add(old)
                before(record, field, old, found)
        return found

    written_to = {key[:2] for key in edits}
    safe = {(r["id"], f, v) for r in load(os.path.join(copy, "list.json"))
            for f, v in r.items() if isinstance(v, str)}
    for c in load(os.path.join(copy, "conflicts.json")):
        for side in c["sides"]:
            safe |= {(c["record"], f, v) for f, v in side.get("values", {}).items()
                     if isinstance(v, str)}
        for field in c["fields"]:
            values = {side["values"].get(field) for side in c["sides"]
                      if isinstance(side["values"].get(field), str)}
            old = set().union(*(before(c["record"], field, v, set()) for v in values))
            if (c["record"], field) in written_to and len(values - old) < 2:
                needless.append((c["record"], field, sorted(values)))

    written = collections.Counter()
    for record in {record for record, _ in written_to}:
        for entry in load(os.path.join(copy, "history", record + ".json")):
            for change in entry["changes"]:
                if isinstance(change.get("to"), str):
                    written[record, change["field"], change["to"]] += 1

    known = {}

    def is_safe(key):
        if key not in known:
            known[key] = key in safe or any(is_safe(by) for by in replaced[key])
        return known[key]

    lost = [k for k in edits if not is_safe(k)]
    missing = [k for k in edits if not written[k]]
    twice = [k for k in edits if written[k] > 1]
    for word, keys in (("lost", lost), ("not in the history", missing), ("twice", twice)):
        for key in keys[:10]:
            print(word, edits[key], *key, file=sys.stderr)
    for found in needless[:10]:
        print("needless", *found, file=sys.stderr)
    print(f"{len(edits)} edits: {len(lost)} lost, {len(missing)} not in the history, "
          f"{len(twice)} twice, {len(needless)} needless")


if __name__ == "__main__":
    main(*sys.argv[1:])
