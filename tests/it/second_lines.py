#!/usr/bin/env python3
"""The second client as a device that opens line after line and hangs none of them up.

usage: second_lines.py HOST:PORT HOME COUNT     says "there are" once they are open, and keeps them
                                                until its input ends; then says how many the server left
"""
import sys

from second_client import HELLO, Session, bytes_field, number_field


def main(address, home, count):
    sessions = []
    for i in range(int(count)):
        session = Session(address, home)
        if i % 2:  # half of them never say Hello
            session.send(HELLO, number_field(1, 1) + bytes_field(2, session.area))
        sessions.append(session)
    print("there are", flush=True)
    sys.stdin.read()
    left = 0
    for session in sessions:
        session.tls.setblocking(False)
        try:
            while True:
                session.frame()
        except (BlockingIOError, OSError) as e:
            left += isinstance(e, BlockingIOError) or "did not complete" in str(e)
        except EOFError:
            pass
    print("left %d" % left)


if __name__ == "__main__":
    main(*sys.argv[1:])
