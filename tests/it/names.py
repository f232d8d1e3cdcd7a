#!/usr/bin/env python3
"""Five hundred awkward names of files, and whether documents have them to the last byte.

names.py make DIR LIST      make files: those whose name a file can have below DIR/files, and for the
                            others DIR/others/N with its name in DIR/others/N.name. LIST gets a line of
                            JSON for each: its name as it must be kept, its content, where it is
names.py judge LIST VERSIONS GOT DIR
                            VERSIONS: `list version --json`; GOT: `get --json`; DIR: what was written to
"""
import hashlib
import json
import os
import re
import sys
import unicodedata

MOST = 1024
RESERVED = re.compile(r'^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)', re.I)


def awkward():
    """Names as bytes, each once; some can't be a file's."""
    words = ['minutes', 'Minutes', 'MINUTES', 'café', 'CAFÉ', 'Ångström', 'ÅNGSTRÖM', 'straße', 'STRASSE', 'İstanbul',
             'ﬁnance', 'ｆｕｌｌ', '学校', 'مدرسة', 'школа', 'ШКОЛА', '🏫 school', '👩‍🏫', 'e\u0301\u0323', 'ẛ̣']
    for w in words:
        for form in ('NFC', 'NFD', 'NFKC', 'NFKD'):
            for end in ('', '.txt', '.TXT'):
                yield (unicodedata.normalize(form, w) + end).encode()
    for r in ['CON', 'PRN', 'AUX', 'NUL', 'COM1', 'COM9', 'LPT1', 'LPT9', 'COM¹', 'LPT³', 'CONIN$', 'CONOUT$', 'con', 'Nul']:
        for end in ('', '.txt', '.tar.gz', ' ', ' .txt', '.'):
            yield (r + end).encode()
    for p in ['..', '../', '../../etc/passwd', '/etc/passwd', './x', 'a/../../b', '..\\..\\b', 'C:\\x', 'C:', '\\\\host\\share',
              'a/b/c', '//', '/', './', '...', '....', '.', '.git', '.ssh/id', '~', '~root', '~/x', 'a//b', 'x/', 'x/.']:
        yield p.encode()
    for i in range(1, 32):
        yield b'control' + bytes([i]) + b'.txt'
        yield bytes([i])
    for c in ['\x7f', '\x80', '\x85', '\x9b', '\u200b', '\u200e', '\u200f', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066',
              '\u2067', '\u2068', '\u2069', '\u2028', '\u2029', '\ufeff', '\u00a0', '\u3000', '\u00ad', '\ufffd', '\uffff', '\U0010ffff']:
        yield ('mark' + c + 'gpj.exe').encode()
        yield c.encode()
    for c in '"<>|:*?;&$`\'!#%^(){}[]=+,@':
        yield ('a' + c + 'b' + c).encode()
    for p in ['-rf', '--home', '--', '-', '-o', '@file', 'name=value', '$(touch x)', '`x`', '%2e%2e%2f', '\\', '\\n', 'a\\nb', '*', '?']:
        yield p.encode()
    for p in ['ends with a dot.', 'ends with dots...', 'ends with a space ', 'ends with spaces   ', ' begins', '   ', '. ', ' .', '\t', 'a\tb',
              'two\nlines', '\n', '\r\n', 'ends\n', '\nbegins', 'a\rb']:
        yield p.encode()
    for n in (1, 199, 200, 201, 250, 254, 255, 256, 257, 400, 1000, 1023, 1024):
        yield b'x' * n
        yield b'y' * max(n - 5, 0) + b'.docx'
        yield ('é' * (n // 2)).encode()
        yield ('🏫' * (n // 4)).encode()
    for raw in [b'\xff', b'\xfe\xff', b'caf\xe9', b'caf\xe9.txt', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\x80', b'a\xe2\x80', b'\xc3', b'\xf8\x88\x80\x80\x80']:
        yield raw
    for i in range(1000):
        yield ('paper %d (%s)' % (i, 'ab'[i % 2] * (i % 7))).encode()


def kept(raw):
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode('latin-1')


def make(root, out):
    os.makedirs(root + '/files')
    os.makedirs(root + '/others')
    seen = set()
    with open(out, 'w') as log:
        for raw in awkward():
            if raw in seen or not raw or len(kept(raw).encode()) > MOST or len(seen) == 500:
                continue
            seen.add(raw)
            n = len(seen)
            content = b'content %d of ' % n + raw
            as_file = b'/' not in raw and raw not in (b'.', b'..') and len(raw) <= 255 and raw[:1] != b'.'
            path = os.fsencode(root + '/files/') + raw if as_file else os.fsencode(root + '/others/%d' % n)
            with open(path, 'xb') as f:
                f.write(content)
            if not as_file:
                with open(root + '/others/%d.name' % n, 'xb') as f:
                    f.write(raw)
            log.write(json.dumps({'name': kept(raw), 'sha': hashlib.sha256(content).hexdigest(), 'file': as_file}) + '\n')
    print(len(seen))


def is_safe(name):
    return (name and name[0] not in '.-~ ' and name[-1] not in '. ' and len(name.encode()) <= 255 and not RESERVED.match(name) and
            not re.search(r'[\x00-\x1f\x7f-\x9f/\\<>:"|?*\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]', name))


def fold(name):
    """As a disk does that makes no difference of capitals: character by character."""
    return ''.join(c.lower() if len(c.lower()) == 1 else c for c in name)


def judge(made, versions, got, root):
    with open(made) as f:
        want = sorted((w['name'], w['sha']) for w in map(json.loads, f))
    with open(versions) as f:
        held = sorted((v['filename'], v['content']) for v in json.load(f))
    faults = 0
    for line in [w for w in want if w not in held][:5] + [h for h in held if h not in want][:5]:
        print('not the same: %r' % (line,))
        faults += 1
    faults += len(want) != len(held)
    written, folded = [], set()
    with open(got) as f:
        for g in json.load(f):
            base = os.path.basename(g['file'])
            with open(g['file'], 'rb') as h:
                written.append((g['filename'], hashlib.sha256(h.read()).hexdigest()))
            if os.path.dirname(g['file']) != root or not is_safe(base) or fold(base) in folded:
                print('not safe: %r' % base)
                faults += 1
            folded.add(fold(base))
    if sorted(written) != want or len(os.listdir(root)) != len(want):
        print('%d files in the folder, %d told of, of %d' % (len(os.listdir(root)), len(written), len(want)))
        faults += 1
    print('%d names, %d faults' % (len(want), faults))


if __name__ == '__main__':
    {'make': make, 'judge': judge}[sys.argv[1]](*sys.argv[2:])
