#!/usr/bin/env python3
"""A second client, written from proto/PROTOCOL.md and the two .proto files alone, with Python's standard
library and nothing of the product's code. It checks the document's test vectors, or connects with a
copy's certificate, takes every feed, verifies chains and heads, and prints the digests of what it took.

usage: second_client.py vectors PROTOCOL.md
       second_client.py digest HOST:PORT HOME [--push TEXT]   (HOME: key.pem device.pem ca.pem head.pem of a copy)
"""
import hashlib
import hmac
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import uuid

sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()

# ---- 2. Ids, digests, values ----------------------------------------------------------------


def stamp(b, version):
    b = bytearray(b[:16])
    b[6] = b[6] & 0x0F | version << 4
    b[8] = b[8] & 0x3F | 0x80
    return bytes(b)


def v5(namespace, name):
    return stamp(hashlib.sha1(namespace + name).digest(), 5)


def text_of(i):
    return str(uuid.UUID(bytes=i))


def base_digest(value):
    return int.from_bytes(sha256(value)[:8], "big")


def varint(b, at):
    v = shift = 0
    while True:
        c = b[at]
        v |= (c & 0x7F) << shift
        at += 1
        shift += 7
        if c < 0x80:
            return v, at


def put(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def fields(b):
    """(number, payload or integer, whole occurrence) of each field of a message."""
    at = 0
    while at < len(b):
        start = at
        tag, at = varint(b, at)
        kind = tag & 7
        if kind == 0:
            v, at = varint(b, at)
        elif kind == 1:
            v, at = int.from_bytes(b[at : at + 8], "little"), at + 8
        elif kind == 5:
            v, at = int.from_bytes(b[at : at + 4], "little"), at + 4
        elif kind == 2:
            n, at = varint(b, at)
            v, at = b[at : at + n], at + n
        else:
            raise ValueError("a group")
        yield tag >> 3, v, b[start:at]


def one(b, number, default=None):
    found = [v for n, v, _ in fields(b) if n == number]
    return found[-1] if found else default


def every(b, number):
    return [v for n, v, _ in fields(b) if n == number]


def number_field(n, v):
    return put(n << 3) + put(v)


def bytes_field(n, v):
    return put(n << 3 | 2) + put(len(v)) + v


def fixed_field(n, v):
    return put(n << 3 | 1) + struct.pack("<Q", v)


def values(message):
    """number -> its occurrences, of one part of an edit or effect."""
    out = {}
    for n, _, whole in fields(message):
        out.setdefault(n, []).append(whole)
    return out


# ---- 4.9, 5, 6. Entries, records, digests ---------------------------------------------------


class Space:
    def __init__(self, area, space):
        self.area, self.id = area, space
        self.chain = sha256(b"fivepits chain 1", area, space)
        self.number = 0
        self.records = {}  # id -> [type, {field: bytes}]
        self.made = {}  # id -> the number of the entry that made it

    def effect(self, e):
        """An Edit, or an Effect, which has the same numbers for what counts here."""
        record = self.records.setdefault(one(e, 2), [one(e, 1), {}])[1]
        self.made.setdefault(one(e, 2), self.number)
        existence = one(e, 3)
        if existence is not None:
            record[0] = bytes([existence])
        for field in every(e, 5):
            record[field] = b""
        for n, parts in values(one(e, 4, b"")).items():
            record[n] = b"".join(parts)
        for part, change in ((7, set.difference), (6, set.union)):
            for n, parts in values(one(e, part, b"")).items():
                stands = {w for _, _, w in fields(record.get(n, b""))}
                record[n] = b"".join(sorted(change(stands, set(parts))))

    def entry(self, header, salt, body):
        number = one(header, 1)
        assert number == self.number + 1, "the entries have a gap"
        self.chain = sha256(self.chain, header, sha256(salt, body))
        self.number = number
        n = int.from_bytes(body[:4], "big")
        change, outcome = body[4 : 4 + n], body[4 + n :]
        assert one(change, 1) == one(header, 2), "header and body are of two changes"
        for e in every(outcome, 2) if outcome else every(change, 5):
            self.effect(e)

    def digest(self):
        h = hashlib.sha256()
        for i in sorted(self.records):
            kind, record = self.records[i]
            h.update(i + struct.pack(">I", kind))
            for f in sorted(record):
                if record[f]:
                    h.update(struct.pack(">II", f, len(record[f])) + record[f])
            h.update(struct.pack(">I", 0xFFFFFFFF))
        return h.digest()

    def statement(self, epoch):
        return b"fivepits head 1" + self.area + self.id + struct.pack(">QQ", epoch, self.number) + self.chain


def signature_is_good(key_pem, statement, signature):
    """Ed25519 by the openssl program: Python's own library has no signatures."""
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("m", statement), ("s", signature), ("k", key_pem)):
            with open(os.path.join(d, name), "wb") as f:
                f.write(data)
        run = subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", d + "/k", "-rawin", "-in", d + "/m"]
            + ["-sigfile", d + "/s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return run.returncode == 0


# ---- 12. Invitations ------------------------------------------------------------------------

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def base32(data):
    bits = int.from_bytes(data, "big") << (-8 * len(data) % 5)
    count = (8 * len(data) + 4) // 5
    return "".join(DIGITS[bits >> 5 * (count - 1 - i) & 31] for i in range(count))


def check_character(code):
    c = 0
    for character in code:
        c ^= DIGITS.index(character)
        c <<= 1
        if c & 32:
            c ^= 0x25
    return DIGITS[c]


def hkdf(secret, salt, info, n):
    key = hmac.new(salt, secret, hashlib.sha256).digest()
    out = block = b""
    while len(out) < n:
        block = hmac.new(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:n]


# ---- The vectors ----------------------------------------------------------------------------


def read_vectors(path):
    """The block as a list of (section, name, value); hex that was wrapped is joined again."""
    text = open(path, encoding="utf-8").read()
    block = re.search(r"<!-- made by \S+: vectors -->\n```\n(.*?)```", text, re.S).group(1)
    out, section = [], ""
    for line in block.splitlines():
        if line.startswith("--"):
            section = line
        elif line.startswith(" " * 19):
            out[-1][2] += line.strip()
        elif line:
            out.append([section, line[:18].strip(), line[19:]])
    return out


def vectors(path):
    said, bad = read_vectors(path), []
    get = lambda name: next(v for _, n, v in said if n == name)
    hexed = lambda name: bytes.fromhex(get(name).replace("(none)", ""))

    def same(name, value):
        if get(name) != value:
            bad.append("%s is %s, worked out as %s" % (name, get(name), value))

    fingerprint = sha256(hexed("CA's key (SPKI)"))
    area = stamp(fingerprint, 8)
    partnership = v5(area, b"partnership")
    person = stamp((1570644000000).to_bytes(6, "big") + bytes(range(10)), 7)
    record = v5(area, partnership + struct.pack(">I", 12) + b"2019-20/1.5")
    same("fingerprint", fingerprint.hex())
    same("area", text_of(area))
    same("server name", area.hex() + ".fivepits")
    same("directory", text_of(v5(area, b"directory")))
    same("partnership", text_of(partnership))
    same("admin", text_of(v5(area, b"admin")))
    same("server's device", text_of(v5(area, b"server")))
    same("version 7 of these", text_of(person))
    same("its personal space", text_of(v5(area, b"personal" + person)))
    same("action in partn'p", text_of(record))
    same("Conflict, group 3", text_of(v5(area, person + record + struct.pack(">I", 3))))
    for i, (_, name, value) in enumerate(said):
        if name == "its base digest":
            value_before = bytes.fromhex(said[i - 1][2].replace("(none)", ""))
            if value != "%016x" % base_digest(value_before):
                bad.append("the base digest of " + said[i - 1][1])
    code = hexed("code")
    written = base32(code)
    written += check_character(written)
    spread = "-".join(written[i : i + 4] for i in range(0, len(written), 4))
    same("text", "fivepits:secure.example:443/%s/%s" % (base32(fingerprint), spread))
    derived = hkdf(code, fingerprint, b"fivepits invitation", 48)
    same("invitation id", derived[:16].hex())
    same("verifier", derived[16:].hex())
    same("proof", hmac.new(derived[16:], bytes(range(32)) + bytes.fromhex("30020500"), hashlib.sha256).hexdigest())

    space = Space(area, partnership)
    same("chain(0)", space.chain.hex())
    entry = {}
    for _, name, value in said:
        entry[name] = value
        if name == "chain":
            raw = {k: bytes.fromhex(entry[k]) for k in ("bytes", "header", "salt", "body")}
            if raw["body"][4 : 4 + len(raw["bytes"])] != raw["bytes"]:
                bad.append("a body does not hold its change")
            space.entry(raw["header"], raw["salt"], raw["body"])
            if space.chain.hex() != value:
                bad.append("the chain at %d" % space.number)
    if space.number != 3:
        bad.append("there are %d entries" % space.number)
    same("statement", space.statement(1).hex())
    pem = ssl.DER_cert_to_PEM_cert(bytes.fromhex("302a300506032b6570032100") + hexed("public key"))
    pem = pem.replace("CERTIFICATE", "PUBLIC KEY").encode()
    if not signature_is_good(pem, hexed("statement"), hexed("signature")):
        bad.append("the signature")
    if [v for s, n, v in said if n == "partnership"][-1] != space.digest().hex():
        bad.append("the digest")
    same("common", sha256(sha256(b""), space.digest()).hex())
    for line in bad:
        print("differs: " + line)
    print("%d values, %d differ" % (len(said), len(bad)))
    return 1 if bad else 0


# ---- 7, 8, 9. A session ---------------------------------------------------------------------

HELLO, WELCOME, BYE, PUSH, VERDICTS, DEFERRED, FEED = 1, 2, 3, 10, 11, 12, 20


def new_id():
    return stamp(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10), 7)


def make(kind, record, said):
    """An Edit that makes a record with these fields."""
    edit = number_field(1, kind) + bytes_field(2, record) + number_field(3, 1) + bytes_field(4, said)
    for n in sorted(values(said)):
        edit += bytes_field(8, number_field(1, n) + fixed_field(2, base_digest(b"")))
    return edit


class Session:
    def __init__(self, address, home):
        der = ssl.PEM_cert_to_DER_cert(open(home + "/ca.pem", encoding="ascii").read())
        self.area = stamp(sha256(spki_of(der)), 8)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["fivepits/1"])
        context.load_verify_locations(home + "/ca.pem")
        context.load_cert_chain(home + "/device.pem", home + "/key.pem")
        host, port = address.rsplit(":", 1)
        self.tls = context.wrap_socket(
            socket.create_connection((host.strip("[]"), int(port)), 20), server_hostname=self.area.hex() + ".fivepits")
        self.head_key = subprocess.run(["openssl", "x509", "-in", home + "/head.pem", "-noout", "-pubkey"],
                                       capture_output=True, check=True).stdout
        self.held = self.raw = b""
        self.spaces, self.told = {}, {}

    def send(self, kind, message, raw=b""):
        self.tls.sendall(struct.pack(">II", kind << 24 | len(message), len(raw)) + message + raw)

    def read(self, n):
        while len(self.held) < n:
            got = self.tls.recv(65536)
            if not got:
                raise EOFError("the line has ended")
            self.held += got
        out, self.held = self.held[:n], self.held[n:]
        return out

    def frame(self):
        first, raw = struct.unpack(">II", self.read(8))
        message = self.read(first & 0xFFFFFF)
        self.raw = self.read(raw)
        if first >> 24 == BYE:
            raise EOFError("Bye %d: %s" % (one(message, 1), one(message, 2, b"").decode()))
        return first >> 24, message

    def open(self, marks=False):
        hello = number_field(1, 1) + bytes_field(2, self.area) + bytes_field(4, b"a second client")
        self.send(HELLO, hello + (number_field(9, 1) if marks else b""))
        kind, welcome = self.frame()
        assert kind == WELCOME
        self.marks = one(welcome, 9)
        for at in every(welcome, 2):
            self.told[one(at, 1)] = one(at, 3)
            self.spaces[one(at, 1)] = Space(self.area, one(at, 1))

    def feed(self, message, own=b""):
        space = self.spaces[one(message, 1)]
        for entry in every(message, 2):
            body = one(entry, 3)
            if body is None:
                body = struct.pack(">I", len(own)) + own
            space.entry(one(entry, 1), one(entry, 2), body)
        head = one(message, 3)
        assert (one(head, 2), one(head, 3)) == (space.number, space.chain), "the head does not fit"
        assert signature_is_good(self.head_key, space.statement(one(head, 1)), one(head, 4)), "the signature is wrong"

    def catch_up(self):
        while any(self.spaces[i].number < n for i, n in self.told.items()):
            kind, message = self.frame()
            if kind == FEED:
                self.feed(message)

    def push_note(self, text):
        """A Note of kind COMMENT in partnership; it must come back applied, and again as the same verdict."""
        space = self.spaces[v5(self.area, b"partnership")]
        made, change = self.enter(space, [make(13, new_id(), number_field(2, 2) + bytes_field(3, text.encode()))])
        self.send(PUSH, bytes_field(1, change))
        kind, message = self.frame()
        while kind != VERDICTS:
            kind, message = self.frame()
        judged = one(message, 1)
        assert (one(judged, 1), one(judged, 2), one(judged, 4)) == (made, 1, space.number), "another verdict"

    def enter(self, space, edits):
        """Push a change of these edits, and take its entry: (its id, its bytes)."""
        made = new_id()
        change = bytes_field(1, made) + bytes_field(2, space.id) + number_field(3, 1)
        change += number_field(4, space.number) + b"".join(bytes_field(5, e) for e in edits)
        self.send(PUSH, bytes_field(1, change))
        while not any(one(header, 2) == made for header in self.take(change)):
            pass
        return made, change

    def take(self, own):
        kind, message = self.frame()
        assert kind not in (VERDICTS, DEFERRED), "no entry, but %d: %r" % (kind, message)
        if kind != FEED:
            return []
        self.feed(message, own)
        return [one(entry, 1) for entry in every(message, 2)]


def spki_of(der):
    """The SubjectPublicKeyInfo of a certificate: the seventh part of its first part, the version counted."""
    def part(b, at):
        n, head = b[at + 1], 2
        if n & 0x80:
            head += n & 0x7F
            n = int.from_bytes(b[at + 2 : at + head], "big")
        return at + head, at + head + n
    at, _ = part(der, 0)
    at, _ = part(der, at)
    for _ in range(6):
        _, at = part(der, at)
    return der[at : part(der, at)[1]]


def digest(address, home, text):
    session = Session(address, home)
    session.open()
    session.catch_up()
    if text:
        session.push_note(text)
    for i in sorted(session.spaces):
        space = session.spaces[i]
        print("%s %d %s" % (text_of(i), space.number, space.digest().hex()))
    common = [session.spaces[v5(session.area, name)].digest() for name in (b"directory", b"partnership")]
    print("common %s" % sha256(*common).hex())
    session.send(BYE, number_field(1, 14))
    return 0


def main(words):
    if len(words) == 2 and words[0] == "vectors":
        return vectors(words[1])
    if len(words) in (3, 5) and words[0] == "digest":
        return digest(words[1], words[2], words[4] if len(words) == 5 else None)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
