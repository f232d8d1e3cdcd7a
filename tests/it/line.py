#!/usr/bin/env python3
"""A line between clients and a server that can be as bad as the control file says.

usage: line.py TARGET CONTROL LOG      TARGET holds the server's HOST:PORT

CONTROL is read at each connection, one wish a line:
    cut up|down N       both sockets are closed behind N bytes of that direction
    reset up|down N     the same by a reset
    half up|down N      nothing more goes that way, the other goes on
    rate N              bytes a second, each way
    buffer N            so many bytes wait on the line, each way, as in a router or a proxy
    delay MS            for whatever comes
    single              bytes go one by one
LOG gets a line for each connection that is over: up=BYTES down=BYTES.
"""
import socket
import struct
import sys
import threading
import time


class Ahead:
    """What a socket says, read ahead of who takes it."""

    def __init__(self, source, most):
        self.source, self.most = source, most
        self.data, self.ended = bytearray(), False
        self.moved = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        data = True
        while data:
            try:
                data = self.source.recv(65536)
            except OSError:
                data = b""
            with self.moved:
                self.data += data
                self.ended = not data
                self.moved.notify_all()
                self.moved.wait_for(lambda: len(self.data) < self.most)

    def recv(self, most):
        with self.moved:
            self.moved.wait_for(lambda: self.data or self.ended)
            data = bytes(self.data[:most])
            del self.data[:most]
            self.moved.notify_all()
        return data


class Line:
    def __init__(self, client, target, wishes):
        self.ends = {"up": (client, target), "down": (target, client)}
        self.count = {"up": 0, "down": 0}
        self.most, self.how = {}, {}
        self.rate = self.delay = self.buffer = 0
        self.single = self.ended = False
        self.lock = threading.Lock()
        for wish in wishes:
            if wish[0] in ("cut", "reset", "half"):
                self.most[wish[1]], self.how[wish[1]] = int(wish[2]), wish[0]
            elif wish[0] == "rate":
                self.rate = int(wish[1])
            elif wish[0] == "buffer":
                self.buffer = int(wish[1])
            elif wish[0] == "delay":
                self.delay = int(wish[1]) / 1000
            elif wish[0] == "single":
                self.single = True

    def over(self, way):
        """What was carried arrives, nothing more does. The first to end it ends it all."""
        with self.lock:
            first, self.ended = not self.ended, True
        if not first:
            return
        source, sink = self.ends[way]
        if self.how.get(way) == "reset":
            for end in self.ends[way]:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RDWR)):
            try:
                end.shutdown(how)
            except OSError:
                pass
        try:
            sink.settimeout(3)
            while sink.recv(65536):
                pass
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def carry(self, way):
        source, sink = self.ends[way]
        if self.buffer:
            source = Ahead(source, self.buffer)
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        step = min(65536, max(1, self.rate // 20)) if self.rate else 65536
        try:
            while data := source.recv(step):
                if self.rate:
                    time.sleep(len(data) / self.rate)
                if self.delay:
                    time.sleep(self.delay)
                room = self.most.get(way, self.count[way] + len(data)) - self.count[way]
                data, full = data[:room], len(data) >= room and way in self.most
                for i in range(0, len(data), 1 if self.single else len(data)):
                    sink.sendall(data[i : i + 1] if self.single else data)
                self.count[way] += len(data)
                if full:
                    break
            if self.how.get(way) == "half" or way not in self.most or self.count[way] < self.most[way]:
                sink.shutdown(socket.SHUT_WR)
            else:
                self.over(way)
        except OSError:
            self.over(way)

    def run(self, log):
        threads = [threading.Thread(target=self.carry, args=(way,), daemon=True) for way in self.ends]
        for thread in threads:
            thread.start()
        # Half a line that nobody ends is ended: both ends must bear that too.
        threads[1].join()
        threads[0].join(3)
        self.over("up")
        threads[0].join()
        for end in self.ends["up"]:
            end.close()
        with open(log, "a", encoding="ascii") as file:
            file.write(f"up={self.count['up']} down={self.count['down']}\n")


def words(path):
    with open(path, encoding="ascii") as file:
        return [line.split() for line in file if line.strip()]


def serve(client, target, control, log):
    host, port = words(target)[0][0].rsplit(":", 1)
    try:
        other = socket.create_connection((host, int(port)))
    except OSError:
        client.close()
        return
    Line(client, other, words(control)).run(log)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"{listener.getsockname()[1]}", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, *sys.argv[1:4]), daemon=True).start()


main()
