"""The figures of bench/session/run: Corral, ttyd, node-pty with ws, and a bare terminal, in turns.

  measure.py BUILD MODULES [TTYD]         BUILD: the build folder; MODULES: where node-pty and ws are; TTYD: the program
"""
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BUILD, MODULES = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
TTYD = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3] else None
ROUNDS = int(os.environ.get("CORRAL_BENCH_ROUNDS", "3"))
LINES = int(os.environ.get("CORRAL_BENCH_LINES", "1000000"))  # of 100 bytes
KEYS = int(os.environ.get("CORRAL_BENCH_KEYS", "2000"))
ONLY = os.environ.get("CORRAL_BENCH_ONLY", "")
BYTES = LINES * 101  # a terminal makes two bytes of a line's end
LOAD = BUILD / "bin/bench_session_load"
BULK = ["python3", "-c", (HERE / "source.py").read_text(), str(LINES * 100)]
HISTORY_LINES = 500_000  # 50 MB
HISTORY = [*BULK[:-1], str(HISTORY_LINES * 100)]
KEYS_SINK = ["sh", "-c", "echo ready; exec cat > /dev/null"]  # the terminal itself echoes


def status(pid, field):
    return int(re.search(rf"{field}:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def load(*args):
    done = subprocess.run([LOAD, *map(str, args)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench_session_load {args} failed")
    return [float(word) for word in done.stdout.split()]


def wait(condition, what):
    until = time.monotonic() + 60
    while not (found := condition()):
        if time.monotonic() > until:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.05)
    return found


class Peer:
    """A server with one terminal in it."""
    shared = True  # many viewers look at one terminal

    def __init__(self, folder, command):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.out = open(self.folder / "out", "w+")
        self.session, self.path, self.process = "-", "/", None
        try:
            self.start(command)
        except BaseException:
            self.stop()
            raise

    def spawn(self, *command, pattern):
        self.process = subprocess.Popen(command, stdout=self.out, stderr=subprocess.STDOUT)
        self.port = wait(lambda: re.search(pattern, (self.folder / "out").read_text()), pattern)[1]

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


class Corral(Peer):
    name = "corral"

    def start(self, command):
        repo = self.folder / "repo"
        subprocess.run(["git", "init", "-q", "-b", "main", repo], check=True)
        subprocess.run(["git", "-C", repo, "-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-q", "--allow-empty", "-m", "start"], check=True)
        self.serve()
        made = self.call("sessions", {"git_url": str(repo), "command": command})
        document = wait(lambda: (d := self.call("sessions/" + made["id"]))["status"] != "created" and d, "the session")
        self.session, self.path = document["id"], "/ws/" + document["workspace"]
        log = lambda: urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/sessions/{self.session}/screen").read()
        wait(lambda: b"ready" in log(), "the session's program")

    def serve(self):
        self.spawn(BUILD / "bin/corral", "serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0", "--log-level", "error", pattern=r"listening on http://127.0.0.1:(\d+)")

    def restart(self):
        self.process.kill()
        self.process.wait()
        self.out.seek(0)
        self.out.truncate()
        self.serve()

    def call(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
        return json.load(urllib.request.urlopen(request))

    def stop(self):
        if self.session == "-":
            return super().stop()
        self.call(f"sessions/{self.session}/stop", {"reason": "measured"})
        wait(lambda: self.call(f"sessions/{self.session}")["status"] == "ended", "the session's end")
        super().stop()


class Ttyd(Peer):
    name, shared = "ttyd", False

    def start(self, command):
        self.path = "/ws"
        self.spawn(TTYD, "-W", "-p", "0", "-i", "127.0.0.1", *command, pattern=r"Listening on port: (\d+)")


class Node(Peer):
    name = "plain"

    def start(self, command):
        self.spawn("node", HERE / "pty_server.mjs", MODULES, *command, pattern=r"listening on (\d+)")


def main():
    folder = tempfile.mkdtemp(prefix="corral-bench-session-")
    figures = {}

    def note(what, peer, values):
        figures.setdefault((what, peer), []).append(values)
        print(what, peer, *values, flush=True)

    def bulk(what, make, viewers, odd=0):
        if ONLY and ONLY not in what:
            return
        peer = make(folder, BULK)
        try:
            idle = status(peer.process.pid, "VmRSS")
            values = load("bulk", peer.name, peer.port, peer.path, peer.session, viewers, odd, BYTES, 1)
            note(what, make.__name__, [*values, (status(peer.process.pid, "VmHWM") - idle) / 1024])
        finally:
            peer.stop()

    def echo(what, make, viewers):
        if ONLY and ONLY not in what:
            return
        peer = make(folder, KEYS_SINK)
        try:
            note(what, make.__name__, load("echo", peer.name, peer.port, peer.path, peer.session, viewers, KEYS))
        finally:
            peer.stop()

    def shown():
        if ONLY and ONLY not in "shown":
            return
        peer = Corral(folder, HISTORY)
        try:
            load("bulk", peer.name, peer.port, peer.path, peer.session, 1, 0, HISTORY_LINES * 101, 1)
            note("shown", "Corral", load("shown", peer.port, peer.path, peer.session, 20))
            peer.restart()
            load("shown", peer.port, peer.path, peer.session, 1)  # until the new server has found the session's process
            note("shown again", "Corral", load("shown", peer.port, peer.path, peer.session, 20))
        finally:
            peer.stop()

    peers = [Corral, *([Ttyd] if TTYD else []), Node]
    try:
        for _ in range(ROUNDS):
            for copying, peer in ((0, "pty"), (2, "copying")):
                if not ONLY or ONLY in "bare":
                    note("bare", peer, load("drain", BYTES, 1, copying, *BULK))
                    note("bare keys", peer, load("keys", KEYS, copying, *KEYS_SINK))
            for make in peers:
                bulk("bulk 1", make, 1)
                echo("echo 1", make, 1)
            for make in peers:
                if make.shared:
                    bulk("bulk 20", make, 20)
                    bulk("bulk 18 + 2", make, 20, 2)
                    echo("echo 20", make, 20)
            shown()
        report({key: [statistics.median(column) for column in zip(*rows)] for key, rows in figures.items()})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def report(figures):
    def line(text, value, goal=None, met=None):
        print(f"{text:<66} {value:>10}   {f'goal {goal}: ' + ('met' if met else 'MISSED') if goal else ''}")

    def ratio(text, a, b, i, goal=None, least=None, most=None):
        if a in figures and b in figures:
            value = figures[a][i] / figures[b][i]
            line(text, f"{value:.2f}", goal, (least is None or value >= least) and (most is None or value <= most))

    units = {"bulk": ("MB/s a viewer", "slowest", "MB more than idle"), "echo": ("µs p50", "p99"), "bare": ("MB/s",), "bare keys": ("µs p50", "p99"), "shown": ("ms to the first screen", "at most")}
    print()
    for (what, peer), values in sorted(figures.items()):
        names = units.get(what, units.get(what.split()[0], ()))
        print(f"{what:<12} {peer:<7} " + ", ".join(f"{value:.1f} {name}" for value, name in zip(values, names)))
    print()
    ratio("1 viewer: Corral / ttyd", ("bulk 1", "Corral"), ("bulk 1", "Ttyd"), 0, ">= 1", least=1)
    ratio("1 viewer: Corral / bare terminal", ("bulk 1", "Corral"), ("bare", "pty"), 0, ">= 0.8", least=0.8)
    ratio("1 viewer: Corral / two processes that only copy", ("bulk 1", "Corral"), ("bare", "copying"), 0)
    ratio("1 viewer: Corral / node-pty + ws", ("bulk 1", "Corral"), ("bulk 1", "Node"), 0)
    ratio("20 viewers: Corral / node-pty + ws", ("bulk 20", "Corral"), ("bulk 20", "Node"), 0, ">= 3", least=3)
    ratio("18 viewers beside a stalled and a slow one / 20 that read", ("bulk 18 + 2", "Corral"), ("bulk 20", "Corral"), 0, ">= 0.9", least=0.9)
    if ("bulk 18 + 2", "Corral") in figures:
        more = figures["bulk 18 + 2", "Corral"][2]
        line("memory more than idle then, MB", f"{more:.0f}", "< 64", more < 64)
    for what, when in (("shown", ""), ("shown again", ", after a restart")):
        if (what, "Corral") in figures:
            first = figures[what, "Corral"][0]
            line(f"first screen of 50 MB of history{when}, ms", f"{first:.1f}", "< 100", first < 100)
    ratio("echo p50: Corral / ttyd", ("echo 1", "Corral"), ("echo 1", "Ttyd"), 0, "<= 1.5", most=1.5)
    ratio("echo p99: Corral / ttyd", ("echo 1", "Corral"), ("echo 1", "Ttyd"), 1, "<= 1", most=1)
    for i, what in enumerate(("p50", "p99")):
        ratio(f"echo {what}: Corral / two processes that only copy", ("echo 1", "Corral"), ("bare keys", "copying"), i)
        ratio(f"echo {what}: two processes that only copy / ttyd", ("bare keys", "copying"), ("echo 1", "Ttyd"), i)
    ratio("echo p50 at the last of 20: Corral / node-pty + ws", ("echo 20", "Corral"), ("echo 20", "Node"), 0)
    ratio("echo p99 at the last of 20: Corral / node-pty + ws", ("echo 20", "Corral"), ("echo 20", "Node"), 1)


main()
