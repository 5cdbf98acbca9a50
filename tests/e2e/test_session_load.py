"""Sessions under load, through the real program: a flood of output to many viewers, good and bad ones, and a long history."""
import hashlib
import json
import os
import re
import resource
import select
import selectors
import socket
import struct
import time
import zlib

import pytest
from conftest import make_repo
from test_sessions import open_session, wait_for

LINES = int(os.environ.get("CORRAL_TEST_FLOOD_LINES", "1000000"))  # of 100 bytes

# Prints so many numbered lines once a key has come, then a last word, and waits for another key.
FLOOD = """
import sys, termios
settings = termios.tcgetattr(0)
settings[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, settings)
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
for first in range(0, int(sys.argv[1]), 1000):
    sys.stdout.buffer.write(b"".join(b"%09d " % n + b"x" * 89 + b"\\n" for n in range(first, first + 1000)))
sys.stdout.write("over"); sys.stdout.flush()
sys.stdin.readline()
"""


def flood(lines):
    yield b"ready\r\n"
    for first in range(0, lines, 1000):
        yield b"".join(b"%09d " % n + b"x" * 89 + b"\r\n" for n in range(first, first + 1000))
    yield b"over"


@pytest.fixture
def repo(folder):
    return make_repo(folder / "repo", {"README.md": "hello\n"})


class Viewer:
    """A WebSocket of its own, for speed: it checks that output has no gap and no repeat, and sums it up. `pace`: bytes it reads each
    100 ms; 0: none at all; None: all that comes."""

    def __init__(self, room, server, session, number, pace=None, start=None, **attach):
        self.pace, self.number, self.buffer = pace, number, bytearray()
        self.position, self.sum, self.output, self.snapshots, self.snapshot, self.news = start, 0, 0, 0, b"", []
        self.socket = socket.socket()
        if pace is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        self.socket.connect(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
        self.socket.sendall(f"GET /ws/{session['workspace']} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101"), head
        self.tell(type="hello", version=1, viewer=f"viewer-{number:012}")
        if start is not None:
            attach["from"] = start
        self.tell(type="attach", channel=1, session=session["id"], role="own" if number == 0 else "view", credit=1 << 30, **attach)
        room.add(self)

    def send(self, opcode, payload):
        size = struct.pack(">B", 0x80 | len(payload)) if len(payload) < 126 else struct.pack(">BH", 0xFE, len(payload))
        self.socket.sendall(bytes([0x80 | opcode]) + size + bytes(4) + payload)

    def tell(self, **message):
        self.send(1, json.dumps(message).encode())

    def type(self, position, keys):
        self.send(2, struct.pack(">BIQ", 3, 1, position) + keys)

    def receive(self, most=1 << 20):
        got = self.socket.recv(most)
        assert got, "the server closed the connection"
        self.buffer += got
        at = 0
        while len(self.buffer) - at >= 2:
            size, head = self.buffer[at + 1], 2
            if size >= 126:
                head = 4 if size == 126 else 10
                if len(self.buffer) - at < head:
                    break
                size = int.from_bytes(self.buffer[at + 2:at + head], "big")
            if len(self.buffer) - at < head + size:
                break
            with memoryview(self.buffer)[at + head:at + head + size] as payload:
                self.take(self.buffer[at] & 15, payload)
            at += head + size
        del self.buffer[:at]

    def take(self, opcode, payload):
        if opcode == 9:
            return self.send(10, bytes(payload))
        if opcode == 1:
            message = json.loads(bytes(payload))
            assert message["type"] not in ("error", "detached"), message
            return self.news.append(message)
        assert opcode == 2, opcode
        kind, channel, position = struct.unpack(">BIQ", payload[:13])
        assert channel == 1
        if kind == 2:
            assert self.position is None or position >= self.position, "the snapshot goes back in time"
            self.snapshots, self.position, self.snapshot = self.snapshots + 1, position, bytes(payload[13:])
            return
        assert kind == 1 and position == self.position, f"viewer {self.number}: a gap or a repeat: {position} after {self.position}"
        self.position += len(payload) - 13
        self.output += len(payload) - 13
        self.sum = zlib.crc32(payload[13:], self.sum)


class Room:
    def __init__(self):
        self.viewers, self.selector = [], selectors.DefaultSelector()

    def add(self, viewer):
        self.viewers.append(viewer)
        if viewer.pace is None:
            self.selector.register(viewer.socket, selectors.EVENT_READ, viewer)

    def free(self, viewer):
        """From now on it reads as fast as it can."""
        viewer.pace = None
        self.selector.register(viewer.socket, selectors.EVENT_READ, viewer)

    def until(self, condition, timeout=150):
        deadline, tick = time.monotonic() + timeout, time.monotonic()
        while not condition():
            now = time.monotonic()
            assert now < deadline, [(v.number, v.position, v.output, v.snapshots) for v in self.viewers]
            for key, _ in self.selector.select(0.05):
                key.data.receive()
            if now - tick >= 0.1:
                tick = now
                for viewer in self.viewers:
                    if viewer.pace and select.select([viewer.socket], [], [], 0)[0]:
                        viewer.receive(viewer.pace)

    def close(self):
        for viewer in self.viewers:
            viewer.socket.close()
        self.selector.close()


def memory(server, field):
    return int(re.search(rf"{field}:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1]) / 1024


def test_a_flood_reaches_the_log_and_every_viewer_as_its_line_allows(serve, repo):
    """Acceptance 2: 100 MB to 20 viewers, one of them stalled, one on 1 Mbit/s."""
    server, room = serve(), Room()
    session = open_session(server, repo, ["python3", "-c", FLOOD, str(LINES)])
    wait_for(server, session["id"], lambda _: b"ready" in server.get(f"/api/v1/sessions/{session['id']}/log").content)
    size, crc, digest = 0, 0, hashlib.sha256()
    for part in flood(LINES):
        size, crc = size + len(part), zlib.crc32(part, crc)
        digest.update(part)
    # Those who want every byte, those who would rather see the newest, and the two who cannot follow.
    exact = [Viewer(room, server, session, n, start=0) for n in range(9)]
    newest = [Viewer(room, server, session, n) for n in range(9, 18)]
    stalled = Viewer(room, server, session, 18, pace=0)
    slow = Viewer(room, server, session, 19, pace=12_500)
    room.until(lambda: all(viewer.position for viewer in exact + newest + [slow]))
    idle = memory(server, "VmRSS")
    exact[0].type(0, b"\n")
    room.until(lambda: all(viewer.position == size for viewer in exact + newest))
    assert all(viewer.sum == crc and viewer.snapshots == 0 for viewer in exact), "every byte, once, in order"
    assert all(b"over" in viewer.snapshot or viewer.output > 4 for viewer in newest)
    assert slow.output < size / 2 and stalled.position is None
    more = memory(server, "VmHWM") - idle
    # It reads again: what it missed comes as one screen.
    room.free(stalled)
    room.free(slow)
    room.until(lambda: stalled.position == slow.position == size)
    for viewer in (stalled, slow):
        assert viewer.snapshots >= 2 and viewer.output < size / 2, "not all of it again"
        assert viewer.snapshots > 0 and (b"over" in viewer.snapshot or viewer.output > 0)
    print(f"memory: {idle:.0f} MB idle, {more:.0f} MB more")
    assert more < 64, f"{idle:.0f} MB idle, {more:.0f} MB more"
    log = server.get(f"/api/v1/sessions/{session['id']}/log").content
    assert len(log) == size and hashlib.sha256(log).digest() == digest.digest(), "every byte is in the log"
    room.close()


def test_a_long_history_is_shown_at_once_and_there_in_full(serve, repo):
    """Acceptance 6: one who attaches late sees the screen, not the history; it is there for who asks, also after a restart."""
    lines = LINES // 2
    server, room = serve(), Room()
    session = open_session(server, repo, ["python3", "-c", FLOOD, str(lines)])
    first = Viewer(room, server, session, 0, start=0)
    room.until(lambda: first.output >= 7)
    first.type(0, b"\n")
    size = sum(map(len, flood(lines)))
    room.until(lambda: first.position == size)
    late = Viewer(room, server, session, 1, scrollback=100)
    room.until(lambda: late.position is not None)
    assert late.position == size and late.output == 0 and len(late.snapshot) < 100_000
    assert b"over" in late.snapshot and b"%09d " % (lines - 1) in late.snapshot and b"%09d " % (lines - 50) in late.snapshot, "lines of 100 take two rows each"
    room.selector.unregister(first.socket)
    room.selector.unregister(late.socket)
    server.kill()
    server.start()
    there = Viewer(room, server, session, 2, scrollback=100)
    room.until(lambda: there.position == size)  # what the disk had not yet, the runner sends again
    again = Viewer(room, server, session, 4, scrollback=100)
    room.until(lambda: again.position is not None)
    assert (again.position, again.snapshot) == (late.position, late.snapshot), "the same screen after a restart"
    whole = Viewer(room, server, session, 3, start=0)
    room.until(lambda: whole.position == size)
    assert whole.sum == first.sum
    room.close()


def test_a_server_may_have_as_many_sessions_open_as_the_machine_allows(serve):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard - 1), hard))
    try:
        server = serve()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = re.search(r"Max open files\s+(\d+)\s+(\d+)", open(f"/proc/{server.process.pid}/limits").read())
    assert limits[1] == limits[2] == str(hard)
