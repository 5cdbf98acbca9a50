#!/usr/bin/env python3
"""Makes the recordings that compare.mjs plays: of real programs on a pseudo-terminal, and synthetic ones.

    record.py [NAME…]      writes recordings/NAME.gz; without a name all whose programs are installed

Needs vim, htop, less, tmux and git for those named after them; the synthetic ones come out the same each time. Those of the agents
(claude, codex, gemini, opencode) are logs of real sessions, from tests/e2e/test_agent_terminals.py.
"""
import fcntl
import gzip
import os
import pathlib
import pty
import random
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Recording:
    def __init__(self, columns, rows):
        self.data = b""
        self.resize(columns, rows)

    def resize(self, columns, rows):
        self.data += b"r" + struct.pack("<HH", columns, rows)

    def output(self, data):
        if isinstance(data, str):
            data = data.encode()
        if data:
            self.data += b"o" + struct.pack("<I", len(data)) + data

    def write(self, name):
        path = HERE / "recordings" / f"{name}.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(self.data, 9, mtime=0))
        print(f"{name}: {len(self.data)} bytes, {path.stat().st_size} compressed")


def record(name, command, steps, size=(80, 24), cwd=ROOT, seconds_a_step=0.6, environment=None):
    """Steps are bytes to type, or a size; after each, the program has until it is quiet."""
    recording = Recording(*size)
    home = tempfile.mkdtemp()
    child, master = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update({"PATH": os.defpath + ":/usr/local/bin", "TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": home,
                           "LANG": "C.UTF-8", "SHELL": "/bin/sh", "PS1": "$ ", **(environment or {})})
        os.execvp(command[0], command)

    def set_size(columns, rows):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def drain(seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([master], [], [], left)[0]:
                return True
            try:
                data = os.read(master, 65536)
            except OSError:
                return False
            if not data:
                return False
            recording.output(data)
        return True

    set_size(*size)
    alive = drain(1.5)
    for step in steps:
        if not alive:
            break
        if isinstance(step, tuple):
            recording.resize(*step)
            set_size(*step)
        else:
            os.write(master, step)
        alive = drain(seconds_a_step)
    if alive:
        os.kill(child, signal.SIGTERM)
        drain(0.5)
    os.close(master)
    os.waitpid(child, 0)
    shutil.rmtree(home, ignore_errors=True)
    recording.write(name)


def programs():
    header = "src/session/screen/terminal.h"
    yield "vim", lambda: record("vim", ["vim", "-u", "NONE", "-c", "syntax on", "-c", "set number hlsearch nowrap", header],
                                [b"\x06", b"\x06", b"/std\r", b"n", b"n", b"ddp", b"iHello, \xe4\xb8\x96\xe7\x95\x8c e\xcc\x81\x1b", b":vsplit\r", b"\x04",
                                 (100, 30), b"\x17w", b"gg", b"5J", b":set wrap\r", (60, 20), b"G", b"u", b":help\r", b"\x06", b":qa!\r"])
    yield "htop", lambda: record("htop", ["htop", "-d", "5"], [b"t", b"\x1b[B", b"\x1b[B", b"H", (100, 30), b"\x1b[6~", b"\x1b[15~", (70, 20), b"h", b"q", b"q"])
    yield "less", lambda: record("less", ["less", "-R", "-N", header], [b" ", b" ", b"/bool\r", b"n", b"b", b"j", b"k", (60, 20), b" ", b"-S\r", b"\x1b[C", (90, 30), b"G", b"q"])
    yield "shell", lambda: record("shell", ["/bin/sh"], [
        b"ls --color=always -la src src/session\n", b"git log --graph --color=always --stat --decorate -12 | cat\n", (60, 24),
        b"git diff --color=always HEAD~2 HEAD -- docs | head -120\n", (110, 30), b"printf '\\033]0;a title\\007\\033]8;;http://localhost/\\033\\\\link\\033]8;;\\033\\\\\\n'\n",
        b"seq 1 400\n", (50, 18), b"tput setaf 3; tput bold; echo yellow; tput sgr0\n", (80, 24), b"exit\n"], environment={"GIT_PAGER": "cat"})
    yield "tmux", lambda: record("tmux", ["tmux", "-f", "/dev/null", "-L", f"recording{os.getpid()}", "new-session", "sh"], [
        b"ls --color=always\n", b"\x02%", b"seq 1 100\n", b"\x02\"", b"echo \xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80\n", b"\x02o", (100, 30), b"\x02[", b"\x1b[5~", b"q",
        b"\x02c", b"vi -u NONE src/session/screen/row.h\r", b"\x04", b":q!\r", (80, 24), b"\x02p", b"\x02z", b"\x02w", b"q", b"\x02:kill-server\r"])


WIDE = "世界日本語한국어全角"
COMBINING = ["e\u0301", "a\u0308\u0323", "\u0e01\u0e33", "n\u0303", "\u05d0\u05b8", "क\u094d"]
EMOJI = ["😀", "👍🏽", "👩\u200d💻", "❤\ufe0f", "🇩🇪", "⚠"]


def synthetic(seed, actions, resizes=True, history=True):
    pick = random.Random(seed)
    columns, rows = pick.choice([(80, 24), (40, 12), (120, 40)])
    recording = Recording(columns, rows)
    words = "the quick brown fox jumps over lazy dog lorem ipsum dolor sit amet".split()

    def text():
        kind = pick.random()
        if kind < 0.55:
            return " ".join(pick.choices(words, k=pick.randint(1, 14)))
        if kind < 0.7:
            return "".join(pick.choices(WIDE, k=pick.randint(1, 30)))
        if kind < 0.8:
            return "".join(pick.choices(COMBINING, k=pick.randint(1, 8)))
        if kind < 0.88:
            return "".join(pick.choices(EMOJI, k=pick.randint(1, 5)))
        return "".join(chr(pick.randint(0x2500, 0x259f)) for _ in range(pick.randint(1, 20)))

    def sgr():
        simple = [0, 1, 2, 3, 4, 5, 7, 8, 9, 21, 22, 23, 24, 25, 27, 28, 29, 39, 49, 53, 55, *range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)]
        codes = []
        for _ in range(pick.randint(1, 3)):
            kind = pick.random()
            target = pick.choice([38, 48, 58])
            red, green, blue = (pick.randint(0, 255) for _ in range(3))
            if kind < 0.6:
                codes.append(str(pick.choice(simple)))
            elif kind < 0.7:
                codes.append(f"{target};5;{red}")
            elif kind < 0.78:
                codes.append(f"{target};2;{red};{green};{blue}")
            elif kind < 0.84:
                codes.append(pick.choice([f"{target}:5:{red}", f"{target}:2:{red}:{green}:{blue}", f"{target}:2::{red}:{green}:{blue}"]))
            else:
                codes.append(f"4:{pick.randint(0, 5)}")
        return f"\x1b[{';'.join(codes)}m"

    def number(most):
        return pick.randint(0, most)

    def mode():
        name = pick.choice(["?1", "?6", "?7", "?7", "?25", "?45", "?66", "?1000", "?1002", "?1003", "?1004", "?1006", "?2004", "?2026", "?12", "4", "20"])
        return f"\x1b[{name}{pick.choice('hl' if name not in ('?7', '?6', '4') else 'hlll' if name != '?7' else 'hhhl')}"

    common = [
        lambda: text(), lambda: text(), lambda: text() + "\r\n", lambda: text() + "\r\n", sgr, sgr, sgr,
        lambda: f"\x1b[{number(rows)};{number(columns + 2)}H",
        lambda: f"\x1b[{number(5)}{pick.choice('ABCDEFGad`eIZ')}",
        lambda: f"\x1b[{number(2)}{pick.choice('JK')}",
        lambda: f"\x1b[{number(6)}{pick.choice('LMPX@ST')}",
        lambda: pick.choice(["\n", "\r", "\b", "\t", "\v", "\x1bD", "\x1bE", "\x1bM", "\r\n"]),
        lambda: "\x1b[m",
    ]
    rare = [
        lambda: f"\x1b[{number(rows)};{number(rows)}r", lambda: "\x1b[r", mode, mode,
        lambda: pick.choice(["\x1b7", "\x1b8", "\x1b[s", "\x1b[u"]),
        lambda: pick.choice(["\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?47l", "\x1b[?1047h", "\x1b[?1047l", "\x1b[?1048h", "\x1b[?1048l"]),
        lambda: pick.choice(["\x1bH", "\x1b[g", "\x1b[3g", "\x1b[5G\x1bH"]),
        lambda: pick.choice(["\x1b(0", "\x1b(B", "\x1b)0", "\x0e", "\x0f", "\x1b(A", "\x1b*0", "\x1bn"]) + "lqqk x",
        lambda: f"\x1b]8;{pick.choice(['', 'id=a', 'id=b:x=y'])};http://localhost/{number(9)}\x1b\\{text()}\x1b]8;;\x1b\\",
        lambda: f"\x1b]{pick.choice([0, 2])};{text()}{pick.choice([chr(7), chr(27) + chr(92)])}",
        lambda: pick.choice(["\x1b]4;7;#123456\x07", "\x1b]10;rgb:f/8/0\x1b\\", "\x1b]11;#abc\x07", "\x1b]104\x07", "\x1b]110\x07", "\x1b]12;?\x07", "\x1b]104;7\x07"]),
        lambda: pick.choice(["\x1b[c", "\x1b[>c", "\x1b[5n", "\x1b[6n", "\x1b[?6n", "\x1b[?2004$p", "\x1b[4$p", "\x1bP$qr\x1b\\", "\x1bP$q q\x1b\\"]),
        lambda: f"\x1b[{number(8)} q", lambda: text() + f"\x1b[{number(5)}b",
        lambda: pick.choice(["\x1b_application\x1b\\", "\x1bPsixel\x1b\\", "\x1b^x\x1b\\", "\x1b[?1;2$z", "\x1b[<1;2x", "\x1b#8", "\x1b[!p", "\x1b[1\"q" + text() + "\x1b[2\"q\x1b[?K"]),
        lambda: f"\x1b[{number(3)}{pick.choice([' @', ' A', chr(39) + '}', chr(39) + '~'])}",
    ]
    if history:
        rare.append(lambda: "\x1b[3J")
    if seed % 4 == 0:
        rare.append(lambda: "\x1bc")
    output = ""
    for _ in range(actions):
        chance = pick.random()
        if resizes and chance < 0.004:
            recording.output(output)
            output = ""
            columns, rows = pick.randint(20, 130), pick.randint(6, 45)
            recording.resize(columns, rows)
        else:
            output += pick.choice(common if chance < 0.9 else rare)()
    recording.output(output)
    return recording


def stress(seed):
    # By and by more: what goes wrong in the simple ones is easier to see.
    return lambda: synthetic(seed, 1500, resizes=seed % 3 == 0, history=seed % 2 == 0).write(f"synthetic-{seed:02}")


def main():
    known = dict(programs())
    known.update({f"synthetic-{seed:02}": stress(seed) for seed in range(1, 13)})
    for name in sys.argv[1:] or known:
        if name in known and (name.startswith("synthetic") or name == "shell" or shutil.which(name)):
            known[name]()


main()
