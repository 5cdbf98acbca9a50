"""RFC 6455 and 7692 by raw frames, numbered as the Autobahn test suite numbers its cases: what its categories 1–7, 9, 10, 12
and 13 ask, without the Python 2 that it needs. The server is corral_websocket_echo, which gives back what it gets."""
import os
import random
import socket
import struct
import subprocess
import zlib

import pytest
from conftest import CORRAL

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
HELLO = "Hello-µ@ßöäüàá-UTF-8!!".encode()


@pytest.fixture(scope="module")
def port():
    process = subprocess.Popen([CORRAL.parent / "corral_websocket_echo", "0", "32"], stdout=subprocess.PIPE, text=True)
    yield int(process.stdout.readline().rsplit(":", 1)[1])
    process.terminate()
    process.wait(20)


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True):
    head = bytes([fin << 7 | rsv << 4 | opcode])
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 else b"\x7f" + struct.pack(">Q", size)
    head += bytes([length[0] | masked << 7]) + length[1:]
    if not masked:
        return head + payload
    key = os.urandom(4)
    mask = int.from_bytes(key * (size // 4 + 1), "big") >> 8 * ((size // 4 + 1) * 4 - size)
    return head + key + (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")


def close_frame(code=1000, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


class Client:
    def __init__(self, port, extensions=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        self.send(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.agreed = next((line[26:].decode() for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Extensions: ")), "")
        self.deflate, self.inflate = None, None
        if self.agreed:
            bits = int(self.agreed.split("server_max_window_bits=")[1][:2].strip(";")) if "server_max" in self.agreed else 15
            self.deflate, self.inflate = zlib.compressobj(6, zlib.DEFLATED, -15), zlib.decompressobj(-bits)

    def read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError
        return data

    def send(self, data, piece=None):
        for at in range(0, len(data), piece or max(len(data), 1)):
            self.socket.sendall(data[at:at + (piece or len(data))])

    def take(self, size):
        parts, have = [self.buffer], len(self.buffer)
        while have < size:
            parts.append(self.read())
            have += len(parts[-1])
        whole = b"".join(parts)
        self.buffer = whole[size:]
        return whole[:size]

    def next(self):
        """(opcode, payload, compressed) of the next frame; the server never fragments and never masks."""
        first, length = self.take(2)
        assert first & 0xb0 == 0x80 and length < 128
        if length > 125:
            length = int.from_bytes(self.take(2 if length == 126 else 8), "big")
        return first & 15, self.take(length), bool(first & 0x40)

    def expect(self, opcode, payload):
        assert self.next() == (opcode, payload, False)

    def expect_end(self, *codes):
        """A close frame with one of these codes, perhaps after what was well, then the end of the connection."""
        try:
            opcode, payload, _ = self.next()
            while opcode != CLOSE:
                opcode, payload, _ = self.next()
        except (EOFError, ConnectionError):
            pytest.fail("the connection ended without a close frame")
        code = int.from_bytes(payload[:2], "big") if payload else None
        assert code in codes, (code, payload)
        with pytest.raises((EOFError, ConnectionError)):
            self.next()

    def finish(self):
        self.send(close_frame())
        self.expect_end(1000)


# 1.1.1–8, 1.2.1–8: sizes around each form of the length, whole and octet by octet.
@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 65535, 65536])
@pytest.mark.parametrize("opcode, letter", [(TEXT, b"*"), (BINARY, b"\xfe")])
def test_1_framing(port, opcode, letter, size):
    client = Client(port)
    client.send(frame(opcode, letter * size), 997 if size == 65536 else None)
    client.expect(opcode, letter * size)
    client.finish()


def test_2_pings(port):
    client = Client(port)
    for payload in (b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125):  # 2.1–2.4
        client.send(frame(PING, payload))
        client.expect(PONG, payload)
    client.send(frame(PING, b"\xfe" * 125), 1)  # 2.6
    client.expect(PONG, b"\xfe" * 125)
    client.send(frame(PONG) + frame(PONG, b"unsolicited") + frame(PING, b"p"))  # 2.7–2.9
    client.expect(PONG, b"p")
    for piece in (None, 1):  # 2.10, 2.11
        client.send(b"".join(frame(PING, b"payload-%d" % i) for i in range(10)), piece)
        for i in range(10):
            client.expect(PONG, b"payload-%d" % i)
    client.finish()
    client = Client(port)
    client.send(frame(PING, b"\xfe" * 126))  # 2.5
    client.expect_end(1002)


WRONG = {
    **{f"3.{rsv}": frame(TEXT, b"x", rsv=rsv) for rsv in range(1, 8)},
    **{f"4.1 opcode {opcode}": frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7)},
    **{f"4.2 opcode {opcode}": frame(opcode, b"x") for opcode in (11, 12, 13, 14, 15)},
    "5.1": frame(PING, b"x", fin=False) + frame(0, b"y"),
    "5.2": frame(PONG, b"x", fin=False) + frame(0, b"y"),
    "5.9": frame(0, b"nothing to continue") + frame(TEXT, b"x"),
    "5.12": frame(0, b"nothing to continue", fin=False) + frame(TEXT, b"x"),
    "5.18": frame(TEXT, b"one", fin=False) + frame(TEXT, b"two"),
    "7.3.2": frame(CLOSE, b"\x03"),
    "7.3.6": close_frame(1000, b"*" * 124),
    **{f"7.9 code {code}": close_frame(code) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999)},
    **{f"7.13 code {code}": close_frame(code) for code in (5000, 65535)},
    "not masked (5.1 of the RFC)": frame(TEXT, b"x", masked=False),
    "length with its highest bit": b"\x82\xff\x80" + bytes(11),
    "length not in its shortest form": b"\x82\xfe\x00\x05" + bytes(9),
    "compressed, not agreed on": frame(TEXT, b"\xf2\x48\xcd\xc9\xc9\x07\x00", rsv=4),
}


@pytest.mark.parametrize("before", ["", "after a message"])
@pytest.mark.parametrize("case", WRONG)
def test_3_4_5_7_protocol_errors(port, case, before):
    client = Client(port)
    client.send((frame(TEXT, b"Hello") if before else b"") + WRONG[case])
    if before:
        client.expect(TEXT, b"Hello")
    client.expect_end(1002)


def test_5_fragments(port):
    client = Client(port)
    one, two = frame(TEXT, b"fragment1", fin=False), frame(0, b"fragment2")
    for piece in (None, 1):
        client.send(one + two, piece)  # 5.3–5.5
        client.expect(TEXT, b"fragment1fragment2")
        client.send(one + frame(PING, b"ping") + two, piece)  # 5.6–5.8
        client.expect(PONG, b"ping")
        client.expect(TEXT, b"fragment1fragment2")
    parts = [frame(TEXT, b"fragment1", fin=False), frame(0, b"fragment2", fin=False), frame(PING, b"pong 1"), frame(0, b"fragment3", fin=False),
             frame(0, b"fragment4", fin=False), frame(PING, b"pong 2"), frame(0, b"fragment5")]
    client.send(b"".join(parts))  # 5.19, 5.20
    client.expect(PONG, b"pong 1")
    client.expect(PONG, b"pong 2")
    client.expect(TEXT, b"fragment1fragment2fragment3fragment4fragment5")
    client.send(frame(TEXT, fin=False) + frame(0, fin=False) + frame(0))  # 6.1.2
    client.expect(TEXT, b"")
    client.finish()


# 6.2, 6.5, 6.7, 6.9, 6.11, 6.16, 6.17: valid, also at the limits; non-characters are valid.
VALID = [HELLO, "κόσμε".encode(), b"\x00", "\u0080\u07ff\u0800\uffff\U00010000\U0010ffff".encode(), b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd",
         "\ufffe\uffff\U0001fffe\U0010fffe".encode()]
# 6.3, 6.6, 6.8, 6.10, 6.12–6.15, 6.18–6.21: cut, overlong, surrogates, beyond the last.
INVALID = [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", b"\xce", b"\xce\xba\xe1", b"\xce\xba\xe1\xbd", b"\xf8\x88\x80\x80\x80",
           b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf4\x90\x80\x80", b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0 ", b"\xe0 ", b"\xf0 ",
           b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf",
           b"\xed\xa0\x80\xed\xb0\x80", b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]


@pytest.mark.parametrize("text", VALID, ids=lambda text: text.hex()[:20])
def test_6_valid_text(port, text):
    client = Client(port)
    client.send(frame(TEXT, text) + frame(TEXT, text), 1)
    client.expect(TEXT, text)
    client.expect(TEXT, text)
    for cut in range(len(text) + 1):
        client.send(frame(TEXT, text[:cut], fin=False) + frame(0, text[cut:]))
        client.expect(TEXT, text)
    client.finish()


@pytest.mark.parametrize("text", INVALID, ids=lambda text: text.hex()[:20])
def test_6_invalid_text(port, text):
    client = Client(port)
    client.send(frame(TEXT, text))
    client.expect_end(1007)
    client = Client(port)
    client.send(frame(TEXT, text[:1], fin=False) + frame(0, text[1:]), 1)
    client.expect_end(1007)


def test_6_4_fails_as_soon_as_it_is_clear(port):
    for begin in (frame(TEXT, b"\xce\xba\xf4\x90", fin=False), frame(TEXT, b"\xce\xba\xf4\x90\x80\x80rest")[:-5]):  # 6.4.1, 6.4.3
        client = Client(port)
        client.send(begin)  # and no more
        client.expect_end(1007)


def test_7_closing(port):
    client = Client(port)
    client.send(frame(TEXT, b"Hello") + close_frame())  # 7.1.1
    client.expect(TEXT, b"Hello")
    client.expect_end(1000)
    for after in (close_frame(), frame(PING, b"x"), frame(TEXT, b"x")):  # 7.1.2–7.1.4: what comes after closing counts no more
        client = Client(port)
        client.send(close_frame() + after)
        client.expect_end(1000)
    client = Client(port)
    client.send(frame(TEXT, b"fragment", fin=False) + close_frame() + frame(0, b"late"))  # 7.1.5
    client.expect_end(1000)
    client = Client(port)
    client.send(frame(CLOSE))  # 7.3.1
    client.expect_end(None)
    for reason in (b"", b"Hello World!", b"*" * 123):  # 7.3.3–7.3.5
        client = Client(port)
        client.send(close_frame(1000, reason))
        client.expect_end(1000)
    client = Client(port)
    client.send(close_frame(1000, b"\xce\xba\xed\xa0\x80"))  # 7.5.1
    client.expect_end(1007)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):  # 7.7
        client = Client(port)
        client.send(close_frame(code))
        client.expect_end(code)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_9_limits(port, opcode):
    data = (HELLO if opcode == TEXT else random.Random(1).randbytes(32)) * (1 << 19)
    client = Client(port)
    for size in (64 << 10, 256 << 10, 1 << 20, 4 << 20):  # 9.1, 9.2
        payload = data[:size // len(HELLO) * len(HELLO)] if opcode == TEXT else data[:size]
        client.send(frame(opcode, payload))
        client.expect(opcode, payload)
    whole = data[:(1 << 20) // len(HELLO) * len(HELLO)] if opcode == TEXT else data[:1 << 20]
    for size in (64, 1024, 65536):  # 9.3, 9.4: in fragments, which may cut code points
        client.send(b"".join(frame(0 if at else opcode, whole[at:at + size], fin=at + size >= len(whole)) for at in range(0, len(whole), size)))
        client.expect(opcode, whole)
    client.send(frame(opcode, whole), 991)  # 9.5, 9.6
    client.expect(opcode, whole)
    for size in (0, 16, 1024):  # 9.7, 9.8: many
        sent = b"".join(frame(opcode, b"a" * size) for _ in range(1000))
        client.send(sent)
        for _ in range(1000):
            client.expect(opcode, b"a" * size)
    client.finish()


def test_9_a_message_beyond_the_limit(port):
    client = Client(port)
    client.send(b"\x82\xff" + struct.pack(">Q", (32 << 20) + 1) + bytes(4))
    client.expect_end(1009)


def test_10_1_1_auto_fragmentation(port):
    client = Client(port)
    payload = b"*" * 65536
    client.send(b"".join(frame(0 if at else TEXT, payload[at:at + 1300], fin=at + 1300 >= 65536) for at in range(0, 65536, 1300)))
    client.expect(TEXT, payload)
    client.finish()


# 12 and 13: each way of agreeing on compression that the suite tries.
OFFERS = ["permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; server_no_context_takeover",
          "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=15",
          "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
          "permessage-deflate; client_no_context_takeover; client_max_window_bits=9",
          "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; server_no_context_takeover, permessage-deflate"]


@pytest.mark.parametrize("offer", OFFERS)
def test_12_13_compression(port, offer):
    client = Client(port, offer)
    assert client.agreed.startswith("permessage-deflate")
    noise = random.Random(2)
    for size in (16, 64, 256, 1024, 4096, 8192, 16384, 131072):
        for _ in range(20 if size < 10000 else 3):
            text = "".join(noise.choice("corral ünd 🐎 {}[]\",:0123456789") for _ in range(size)).encode()
            if "client_no_context_takeover" in client.agreed:
                client.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
            squeezed = client.deflate.compress(text) + client.deflate.flush(zlib.Z_SYNC_FLUSH)
            squeezed = squeezed[:-4]
            half = len(squeezed) // 2
            client.send(frame(TEXT, squeezed[:half], fin=False, rsv=4) + frame(PING) + frame(0, squeezed[half:]))
            opcode, payload, compressed = client.next()
            assert (opcode, payload) == (PONG, b"")
            opcode, payload, compressed = client.next()
            if "server_no_context_takeover" in client.agreed:
                bits = 9 if "server_max_window_bits=9" in client.agreed else 15
                client.inflate = zlib.decompressobj(-bits)
            echoed = client.inflate.decompress(payload + b"\0\0\xff\xff") if compressed else payload
            assert opcode == TEXT and echoed == text
            assert compressed or size <= 64
    client.send(frame(TEXT, b"plain"))  # compressing is each message's choice
    opcode, payload, compressed = client.next()
    assert (client.inflate.decompress(payload + b"\0\0\xff\xff") if compressed else payload) == b"plain"
    client.finish()


def test_12_damaged_compression(port):
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (bomb.compress(bytes((32 << 20) + 1)) + bomb.flush(zlib.Z_SYNC_FLUSH))[:-4]
    for bad, code in ((frame(TEXT, b"\xff\xff\xff\xff", rsv=4), 1007), (frame(TEXT, b"", rsv=4), 1007), (frame(BINARY, bomb, rsv=4), 1009),
                      (frame(PING, b"", rsv=4), 1002), (frame(TEXT, b"\xf2\x48", fin=False, rsv=4) + frame(0, b"\xcd", rsv=4), 1002)):
        client = Client(port, "permessage-deflate")
        client.send(bad)
        client.expect_end(code)


def test_13_declines_what_it_cannot_do(port):
    for offer in ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; unknown=1", "permessage-bzip2", "permessage-deflate; server_max_window_bits=16"):
        client = Client(port, offer)
        assert client.agreed == ""
        client.send(frame(TEXT, b"Hello"))
        client.expect(TEXT, b"Hello")
        client.finish()
