"""Sessions through the real program: terminals that outlive their viewers and the server, over the WebSocket and in a terminal."""
import json
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import time

import pytest
from conftest import CORRAL, ROOT, git, make_repo
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

STORMS = int(os.environ.get("CORRAL_TEST_STORMS", "8"))
SEED = int(os.environ.get("CORRAL_TEST_SEED", "20261121"))

# Prints numbered lines all the time, and says each line that it is typed.
BUSY = """
import sys, threading, time, termios
settings = termios.tcgetattr(0)
settings[3] &= ~termios.ECHO
termios.tcsetattr(0, termios.TCSANOW, settings)
lock = threading.Lock()
def say(text):
    with lock: sys.stdout.write(text + "\\n"); sys.stdout.flush()
def count():
    i = 0
    while True:
        i += 1
        say(f"p{i}")
        time.sleep(0.003)
threading.Thread(target=count, daemon=True).start()
for line in sys.stdin:
    if line == "end\\n": break
    say("t" + line.strip())
say("over")
"""


@pytest.fixture
def repo(folder):
    return make_repo(folder / "repo", {"README.md": "hello\n"})


def open_session(server, repo, command, **body):
    answer = server.post("/api/v1/sessions", {"git_url": str(repo), "command": command, **body})
    assert answer.status_code == 202, answer.text
    return wait_for(server, answer.json()["id"], lambda session: session["status"] != "created")


def wait_for(server, session, condition, timeout=60):
    deadline = time.monotonic() + timeout
    while True:
        document = server.get(f"/api/v1/sessions/{session}").json()
        if condition(document):
            return document
        assert time.monotonic() < deadline, f"{json.dumps(document, indent=1)}\n{server.log_tail()}"
        time.sleep(0.03)


class Viewer:
    """One who types and looks on; keeps what was typed until it is acknowledged, as docs/websocket.md says."""

    def __init__(self, session, name="viewer-0123456789"):
        self.session, self.name = session, name
        self.keys, self.known, self.output, self.at = b"", 0, b"", 0
        self.socket = None

    def connect(self, server):
        self.socket = connect(f"{server.url.replace('http', 'ws')}/ws/{self.session['workspace']}", subprotocols=["corral.v1"], max_size=None)
        self.tell(type="hello", version=1, viewer=self.name, name="tester")
        self.tell(type="attach", channel=1, session=self.session["id"], role="own", **{"from": self.at}, credit=1 << 30)
        attached = self.until("attached")
        self.known = attached["typed"]
        self.send(self.keys[self.known:])

    def tell(self, **message):
        self.socket.send(json.dumps(message))

    def type(self, text):
        self.keys += text
        self.send(text)

    def send(self, text):
        if text:
            self.socket.send(struct.pack(">BIQ", 3, 1, len(self.keys) - len(text)) + text)

    def receive(self, timeout=None):
        message = self.socket.recv(timeout=timeout)
        if isinstance(message, bytes):
            kind, _, position = struct.unpack(">BIQ", message[:13])
            assert kind == 1 and position == self.at, "a gap or a repeat in what was printed"
            self.output += message[13:]
            self.at += len(message) - 13
            return {}
        message = json.loads(message)
        if message["type"] == "typed":
            self.known = message["position"]
        return message

    def until(self, kind, timeout=30):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self.receive(timeout=deadline - time.monotonic())
            assert message.get("type") not in ("error", "detached"), message
            if message.get("type") == kind:
                return message
        raise AssertionError(f"no {kind}")


def test_storms_of_reconnects_lose_and_repeat_nothing(serve, repo):
    """Acceptance 4: viewers lost and servers killed while typing and printing; both streams arrive exactly once, in order."""
    dice = random.Random(SEED)
    print(f"seed {SEED}")
    server = serve()
    session = open_session(server, repo, ["python3", "-u", "-c", BUSY])
    viewer, typed = Viewer(session), 0
    for storm in range(STORMS):
        viewer.connect(server)
        until = time.monotonic() + dice.uniform(0.05, 0.5)
        while time.monotonic() < until:
            if dice.random() < 0.3:
                typed += 1
                viewer.type(b"%d\n" % typed)
            try:
                viewer.receive(timeout=0.005)
            except TimeoutError:
                pass
        if dice.random() < 0.5:
            server.kill()
            server.start()
        # Dropped without a goodbye, with whatever was under way.
        viewer.socket.socket.close()
    viewer.connect(server)
    viewer.type(b"end\n")
    ended = viewer.until("ended", timeout=60)
    assert ended["exit_code"] == 0
    log = server.get(f"/api/v1/sessions/{session['id']}/log").content
    assert viewer.output == log, "what a viewer saw, over all its connections, is the log"
    lines = log.decode().replace("\r", "").split("\n")
    assert [line for line in lines if line.startswith("t")] == [f"t{n}" for n in range(1, typed + 1)]
    printed = [line for line in lines if line.startswith("p")]
    assert printed == [f"p{n}" for n in range(1, len(printed) + 1)] and len(printed) > 50
    assert server.wait(session["run"])["status"] == "completed"


def cli(server, *args, **kwargs):
    return subprocess.run([str(CORRAL), "--data", str(server.data), *args], capture_output=True, text=True, timeout=60, **kwargs)


def read_until(descriptor, text, timeout=30):
    got, deadline = b"", time.monotonic() + timeout
    while text not in got:
        assert time.monotonic() < deadline, got[-2000:]
        if select.select([descriptor], [], [], 0.2)[0]:
            got += os.read(descriptor, 65536)
    return got


def test_the_command_line_opens_attaches_shares_and_stops(serve, repo):
    server = serve()
    made = cli(server, "session", "new", "--repo", str(repo), "--cols", "90", "--rows", "30", "--", "sh", "-c", "stty size; cat README.md; read x; echo got $x; sleep 600")
    assert made.returncode == 0, made.stderr
    session = made.stdout.strip()
    wait_for(server, session, lambda document: document["status"] == "running")
    process, terminal = pty.fork()
    if process == 0:
        os.execve(CORRAL, [str(CORRAL), "--data", str(server.data), "attach", session], {"TERM": "xterm", "PATH": os.environ["PATH"]})
    read_until(terminal, b"hello")
    os.write(terminal, b"wor")
    wait_for(server, session, lambda document: document.get("viewers") == 1)
    server.kill()
    read_until(terminal, b"the connection is lost")
    os.write(terminal, b"ld")
    server.start()
    read_until(terminal, b"connected again")
    os.write(terminal, b"\r")
    read_until(terminal, b"got world")
    link = json.loads(cli(server, "share", session, "--json").stdout)
    with connect(f"{server.url.replace('http', 'ws')}/ws/{server.get(f'/api/v1/sessions/{session}').json()['workspace']}?share={link['token']}") as guest:
        guest.send(json.dumps({"type": "hello", "version": 1, "viewer": "guest-0123456789", "name": "root"}))
        guest.send(json.dumps({"type": "attach", "channel": 1, "session": session}))
        read_until(terminal, b"a guest is here and may type: root")
    os.write(terminal, b"\x1d")
    read_until(terminal, b"detached; the session goes on")
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    log = cli(server, "session", "log", session).stdout
    assert log.startswith("30 90\n") or log.startswith("30 90\r\n"), log
    assert log.count("got world") == 1
    assert "got world" in cli(server, "session", "screen", session).stdout
    found = json.loads(cli(server, "session", "search", session, "GOT W", "-i", "--json").stdout)
    assert [match["text"] for match in found] == ["got world"] and found[0]["time"]
    printed = server.get(f"/api/v1/sessions/{session}/log").content
    assert printed[found[0]["offset"]:].startswith(b"got world")
    assert cli(server, "session", "search", session, "got").stdout.rstrip().endswith("got world")
    assert cli(server, "session", "search", session, "GOT W").stdout == ""
    assert cli(server, "session", "rename", session, "mine").returncode == 0
    listed = json.loads(cli(server, "session", "list", "--json").stdout)
    assert [entry["name"] for entry in listed] == ["mine"]

    shared = json.loads(cli(server, "share", session, "--view", "--expires", "1h", "--json").stdout)
    viewing = server.get(f"/api/v1/shared?share={shared['token']}").json()
    assert viewing["role"] == "view" and viewing["session"]["id"] == session
    assert cli(server, "session", "revoke", session, shared["id"]).returncode == 0
    assert server.get(f"/api/v1/shared?share={shared['token']}").status_code == 401
    assert shared["token"] not in server.log_path.read_text()

    stopped = cli(server, "session", "stop", session, "--reason", "enough")
    assert stopped.returncode == 0 and ("being ended" in stopped.stderr or "enough" in stopped.stdout)
    ended = wait_for(server, session, lambda document: document["status"] == "ended")
    assert ended["end_reason"] == "enough" and ended["exit_code"] == 129
    recording = [json.loads(line) for line in cli(server, "session", "log", session, "--format", "asciicast").stdout.splitlines()]
    assert recording[0]["version"] == 2 and (recording[0]["width"], recording[0]["height"]) == (90, 30)
    assert "".join(event[2] for event in recording[1:] if event[1] == "o").replace("\r", "") == log.replace("\r", "")
    assert cli(server, "attach", "nothing").returncode == 2
    assert cli(server, "session", "show", "01234567").returncode == 4


def test_what_was_done_in_a_session_ends_up_on_its_branch(serve, repo):
    server = serve()
    session = open_session(server, repo, ["sh", "-c", "echo more >> README.md"])
    run = server.wait(session["run"])
    assert run["status"] == "completed"
    assert git(repo, "show", f"{run['branch']}:README.md") == "hello\nmore"


def test_a_stalled_viewer_slows_nobody_and_catches_up_by_a_snapshot(serve, repo):
    """Acceptance 2, small: a viewer that does not read costs the others nothing and the server little."""
    server = serve()
    session = open_session(server, repo, ["sh", "-c", "read x; seq -f 'line %.0f' 400000; echo all; read y"])
    stalled, quick = Viewer(session, "stalled-0123456789"), Viewer(session, "quick-0123456789")
    stalled.socket = connect(f"{server.url.replace('http', 'ws')}/ws/{session['workspace']}", max_size=None)
    stalled.tell(type="hello", version=1, viewer=stalled.name, name="")
    stalled.tell(type="attach", channel=1, session=session["id"], role="view", credit=1000)
    quick.connect(server)
    quick.type(b"go\n")
    while b"all" not in quick.output[-20:]:
        quick.receive(timeout=30)
    assert quick.output.count(b"\nline ") >= 399_999
    stalled.tell(type="credit", channel=1, bytes=1 << 20)
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline
        message = stalled.socket.recv(timeout=30)
        if isinstance(message, bytes) and message[0] == 2 and b"all" in message:
            break
    resident = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{server.process.pid}/status").read())[1])
    assert resident < 128 * 1024, f"{resident} KB"


def test_the_documentations_client_works(serve, folder, repo):
    text = (ROOT / "docs/websocket.md").read_text()
    (folder / "client.py").write_text(re.search(r"```python\n(.*?)```", text, re.S)[1])
    server = serve()
    session = open_session(server, repo, ["sh", "-c", "read line; echo it said $line; exit 7"])
    done = subprocess.run([sys.executable, folder / "client.py", server.url, session["workspace"], session["id"]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7 and "it said hello" in done.stdout, done.stdout + done.stderr
