"""The four agent CLIs, the real ones, as their makers' own programs on a terminal: a person types a task and sees it done, interrupts,
is asked and answers, goes on after the server was killed, and opens one beside an agent at work, to go on with it later.

With CORRAL_TEST_RECORDINGS=FOLDER each first task is kept for tests/screen as FOLDER/AGENT.gz."""
import contextlib
import gzip
import json
import os
import pathlib
import re
import secrets
import struct
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from conftest import API_KEY, git, install_agent, make_repo
from test_agents import AGENTS, task

RECORDINGS = os.environ.get("CORRAL_TEST_RECORDINGS")
COLUMNS, ROWS = 110, 40
BORDERS = "│┃█▀▄▌▐╹"


class Program:
    """What one CLI shows, and what a person presses."""

    def __init__(self, ready, asked, denied, interrupted, leave, interrupt=((b"\x1b", None),), deny=b"\x1b", pasted=False, forget=b""):
        self.ready, self.asked, self.denied, self.interrupted = ready, asked, denied, interrupted
        self.leave, self.interrupt, self.deny, self.pasted, self.forget = leave, interrupt, deny, pasted, forget


PROGRAMS = {
    "claude": Program(r"(mode|permissions) on", "Do you want to create", "Rejected write", "Interrupted", "/exit"),
    # Typed fast is taken for pasted, with Enter for a new line: so it is pasted in earnest.
    "codex": Program("· /workspace", "Would you like to run", "You canceled the request", "Conversation interrupted", "/exit", pasted=True),
    "gemini": Program("Type your message", "Apply this change", "Rejected", "Request cancelled", "/quit"),
    "opencode": Program("Ask anything|ctrl\\+p commands", "Permission required", r"\A(?![\s\S]*(Permission required|esc interrupt))[\s\S]*ctrl\+p commands", "· interrupted", "/exit",
                        interrupt=((b"\x1b", "again to interrupt"), (b"\x1b", None)), deny=b"\x1b[C\x1b[C\r"),
}


@pytest.fixture(params=PROGRAMS)
def agent(request):
    install_agent(request.param)
    return request.param


@pytest.fixture
def repo(folder):
    return make_repo(folder / "repo", {"README.md": "hello\n"})


@pytest.fixture(autouse=True)
def people(serve):
    """All who sat down; they leave before the server does."""
    Person.present.clear()
    yield
    for person in Person.present:
        person.leave()


def squeezed(text):
    """Without what a program puts in where it breaks a line."""
    return re.sub(rf"[\s{BORDERS}]", "", text)


class Person:
    """At a session's terminal, as docs/websocket.md says: types, and looks at the screen."""

    present = []

    def __init__(self, server, session, agent):
        self.present.append(self)
        self.server, self.session, self.program = server, session, PROGRAMS[agent]
        self.viewer, self.typed, self.sizes = secrets.token_hex(16), 0, [(0, COLUMNS, ROWS)]
        self.sit_down()

    def sit_down(self):
        self.socket = connect(f"{self.server.url.replace('http', 'ws')}/ws/{self.session['workspace']}", max_size=None)
        self.tell(type="hello", version=1, viewer=self.viewer, name="tester")
        self.tell(type="attach", channel=1, session=self.session["id"], role="own", credit=1 << 30)
        self.typed = self.until("attached")["typed"]

    def leave(self):
        with contextlib.suppress(ConnectionClosed):
            self.listens()
        self.socket.close()

    def tell(self, **message):
        self.socket.send(json.dumps(message))

    def until(self, kind, condition=lambda message: True, timeout=30):
        deadline = time.monotonic() + timeout
        while True:
            message = self.socket.recv(timeout=max(0, deadline - time.monotonic()))
            if isinstance(message, bytes):
                continue
            message = json.loads(message)
            assert message["type"] not in ("error", "detached"), message
            if message["type"] == kind and condition(message):
                return message

    def press(self, keys):
        self.socket.send(struct.pack(">BIQ", 3, 1, self.typed) + keys)
        self.typed += len(keys)
        self.until("typed", lambda message: message["position"] >= self.typed)

    def resize(self, columns, rows):
        self.tell(type="resize", channel=1, columns=columns, rows=rows)
        self.sizes.append((self.until("resized")["offset"], columns, rows))

    def listens(self):
        """To what has come: who does not is slowed, and in the end let go."""
        try:
            while True:
                self.socket.recv(timeout=0)
        except TimeoutError:
            pass

    def screen(self):
        answer = self.server.get(f"/api/v1/sessions/{self.session['id']}/screen", headers={"Accept": "text/plain"})
        assert answer.status_code == 200, answer.text
        return answer.text

    def sees(self, what, timeout=90):
        """What may be text in a regular expression, or a condition on the screen."""
        condition = what if callable(what) else lambda screen: re.search(what, screen)
        deadline = time.monotonic() + timeout
        while not condition(screen := self.screen()):
            assert time.monotonic() < deadline, f"not seen: {what}\n{screen}\n{self.document()}\n{self.server.log_tail()}"
            self.listens()
            time.sleep(0.05)
        return screen

    def hears(self, words):
        """The agent's words: on a line of their own, which they are not where they stand in the prompt."""
        return self.sees(rf"(?m)^\W*{re.escape(words)}[\s{BORDERS}]*$")

    def answers(self, keys):
        """Claude Code hears no key in its dialogue's first moments: pressed again for as long as it asks."""
        while re.search(self.program.asked, self.screen()):
            self.press(keys)
            deadline = time.monotonic() + 5
            while re.search(self.program.asked, self.screen()) and time.monotonic() < deadline:
                self.listens()
                time.sleep(0.05)

    def enters(self, text):
        self.press(b"\x1b[200~" + text.encode() + b"\x1b[201~" if self.program.pasted else text.encode())
        self.sees(lambda screen: squeezed(text) in squeezed(screen))
        # The time is what tells it from a line that is pasted: Gemini CLI takes Enter within 30 ms of a letter for one of its lines.
        time.sleep(0.1)
        self.press(b"\r")

    def asks(self, *steps):
        self.enters(task(*steps))

    def document(self):
        return self.server.get(f"/api/v1/sessions/{self.session['id']}").json()

    def quits(self):
        self.enters(self.program.leave)
        self.ends()

    def ends(self, timeout=60):
        deadline = time.monotonic() + timeout
        while (document := self.document())["status"] != "ended":
            assert time.monotonic() < deadline, f"{document}\n{self.screen()}"
            time.sleep(0.05)
        return document

    def keep(self, path):
        """In the format of tests/screen."""
        log = self.server.get(f"/api/v1/sessions/{self.session['id']}/log").content
        log = re.sub(rb"crl_[0-9a-f_-]+", lambda token: b"x" * len(token[0]), log)
        data, at = b"", 0
        for offset, columns, rows in self.sizes + [(len(log), 0, 0)]:
            if offset > at:
                data += b"o" + struct.pack("<I", offset - at) + log[at:offset]
            at = offset
            if columns:
                data += b"r" + struct.pack("<HH", columns, rows)
        path.write_bytes(gzip.compress(data, 9, mtime=0))


def opened(server, agent, **body):
    about = AGENTS[agent]
    answer = server.post("/api/v1/sessions", {"agent": agent, "columns": COLUMNS, "rows": ROWS, **({"model": about.model} if about.model else {}), **body})
    assert answer.status_code == 202, answer.text
    deadline = time.monotonic() + 60
    while (session := server.get(f"/api/v1/sessions/{answer.json()['id']}").json())["status"] == "created":
        assert time.monotonic() < deadline, server.log_tail()
        time.sleep(0.05)
    person = Person(server, session, agent)
    person.sees(person.program.ready)
    return person


def inside(server, name, timeout=60, there=True):
    """Waits for a file of the one workspace to come, or to go."""
    deadline = time.monotonic() + timeout
    while bool(found := list(server.data.glob(f"workspaces/*/work/{name}"))) != there:
        assert time.monotonic() < deadline, f"{name} {'never came' if there else 'never went'}\n{server.log_tail()}"
        time.sleep(0.02)
    return found


def test_a_task_typed_at_its_terminal_is_done_and_the_key_stays_outside(serve, repo, model, agent):
    server, about = serve(), AGENTS[agent]
    person = opened(server, agent, git_url=str(repo))
    person.asks({"text": "I write it.", **about.write("/workspace/answer.txt", "42\n")}, about.run("env > seen.txt"), {"text": "Wrote the answer."})
    person.hears("Wrote the answer.")
    person.resize(90, 30)
    person.asks({"text": "Both of them."})
    person.hears("Both of them.")
    if RECORDINGS:
        person.keep(pathlib.Path(RECORDINGS) / f"{agent}.gz")
    person.quits()
    assert person.document()["exit_code"] == 0
    done = server.wait(person.session["run"])
    assert done["status"] == "completed", server.log(person.session["run"])
    assert git(repo, "show", f"{done['branch']}:answer.txt") == "42"
    assert API_KEY not in git(repo, "show", f"{done['branch']}:seen.txt")
    assert done["usage"]["calls"] >= 3, "its calls are counted for its run"
    asked = [request for request in model.requests() if "body" in request]
    assert asked and all({k.lower(): v for k, v in request["headers"].items()}[about.header] == about.value for request in asked)
    assert "crl_" not in json.dumps([request["headers"] for request in asked]), "the run's token went to the provider"


def test_it_is_interrupted_and_does_the_next_task(serve, repo, agent):
    server, about = serve(), AGENTS[agent]
    person = opened(server, agent, git_url=str(repo))
    person.asks({"text": "I begin.", **about.run("touch began; until [ -e never ]; do sleep 0.1; done")}, {"text": "Never."})
    inside(server, "began")
    person.hears("I begin.")
    for keys, answered in person.program.interrupt:
        person.press(keys)
        if answered:
            person.sees(answered)
    person.sees(person.program.interrupted)
    person.asks(about.write("/workspace/further.txt", "more\n"), {"text": "Did that."})
    person.hears("Did that.")
    inside(server, "further.txt")


def test_it_asks_the_person_at_the_terminal_and_both_answers_count(serve, repo, agent):
    server, about = serve(), AGENTS[agent]
    person = opened(server, agent, git_url=str(repo), permissions="ask")
    person.asks(about.write("/workspace/allowed.txt", "1\n"), {"text": "That was allowed."})
    person.sees(person.program.asked)
    assert not list(server.data.glob("workspaces/*/work/allowed.txt")), "it waits for the answer"
    person.answers(b"\r")
    person.hears("That was allowed.")
    inside(server, "allowed.txt")
    person.asks(about.write("/workspace/denied.txt", "1\n"), {"text": "That was denied."})
    person.sees(person.program.asked)
    person.answers(person.program.deny)
    person.sees(person.program.denied)
    person.asks({"text": "Still at work."})
    person.hears("Still at work.")
    assert not list(server.data.glob("workspaces/*/work/denied.txt"))


def test_it_works_on_while_the_server_is_dead_and_its_screen_is_right_afterwards(serve, repo, agent):
    server, about = serve(), AGENTS[agent]
    person = opened(server, agent, git_url=str(repo))
    waits = "touch began; until [ -e go ]; do sleep 0.05; done; rm began go; echo went >> steps.txt"
    person.asks({"text": "I wait.", **about.run(waits)}, about.run("echo then >> steps.txt"), {"text": "All done."})
    began, = inside(server, "began")
    person.hears("I wait.")
    server.kill()
    (began.parent / "go").touch(mode=0o666)
    inside(server, "go", there=False)
    server.start()
    person.sit_down()
    person.hears("All done.")
    assert (began.parent / "steps.txt").read_text().split() == ["went", "then"], "nothing is done twice, nothing is left out"
    person.asks({"text": "Here I am."})
    before = person.hears("Here I am.")
    server.kill()
    server.start()
    person.sit_down()
    person.sees(person.program.ready)
    assert "Here I am." in before
    person.hears("Here I am.")
    assert person.document()["status"] == "running"


def test_it_is_opened_beside_an_agent_at_work_and_later_goes_on_where_it_was_left(serve, repo, agent):
    server, about = serve(), AGENTS[agent]
    run = server.start_run(git_url=str(repo), agent="command", prompt="wait", command=["sh", "-c", "touch began; until [ -e go ]; do sleep 0.1; done; rm began go"])
    inside(server, "began")
    person = opened(server, agent, run=run)
    person.asks(about.write("/workspace/answer.txt", "42\n"), {"text": "Wrote the answer."})
    person.hears("Wrote the answer.")
    person.quits()
    assert server.run(run)["status"] == "running"
    later = opened(server, agent, run=run, resume=True)
    later.hears("Wrote the answer.")
    began, = inside(server, "began")
    (began.parent / "go").touch(mode=0o666)
    done = server.wait(run)
    assert done["status"] == "completed", server.log(run)
    assert git(repo, "show", f"{done['branch']}:answer.txt") == "42"
    assert later.ends()["end_reason"] == "its workspace is gone"


def test_what_cannot_be_is_refused_before_anything_is_made(serve, repo):
    server = serve()
    for body, words in [({"agent": "claude", "resume": True, "git_url": str(repo)}, "resume"), ({"agent": "nobody", "git_url": str(repo)}, "unknown"),
                        ({"agent": "claude", "permissions": "never", "git_url": str(repo)}, "permissions")]:
        answer = server.post("/api/v1/sessions", body)
        assert answer.status_code == 400 and words in answer.text, answer.text
    assert server.get("/api/v1/sessions").json()["items"] == []
