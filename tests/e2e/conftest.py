"""End to end: the real programs, the real agent CLI, a scripted model on loopback. Nothing here stands in for Corral."""
import http.server
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORRAL = pathlib.Path(os.environ.get("CORRAL_TEST_PROGRAM", ROOT / "build/bin/corral"))  # another build, say with sanitizers
AGENTS = ROOT / "build/agents"  # the agent CLI is installed once for all tests
DATABASE_PASSWORD = "a-database-password-THAT-MUST-NEVER-LEAK"
POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
API_KEY = "sk-ant-test-KEY-THAT-MUST-NEVER-LEAK-0123456789"


class LoopbackServer:
    """An HTTP server of a test's own, for the time of its `with`. `gate` is for handlers to hold back their answers."""

    def __init__(self, handler, tls=None):
        self.gate = threading.Event()
        self.gate.set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def git(repo, *args, **kwargs):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@localhost",
           "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@localhost"}
    done = subprocess.run(["git", "-C", str(repo), *args], capture_output=True, text=True, env=env, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_repo(path, files):
    path.mkdir(parents=True)
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    git(path, "init", "-q", "-b", "main")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "start")
    return path


class Model:
    """The scripted model server of tests/tools."""

    def __init__(self, folder, script=None):
        self.log = folder / "model.jsonl"
        command = [sys.executable, str(ROOT / "tests/tools/model_server.py"), "--port", "0", "--log", str(self.log)]
        if script:
            command += ["--script", str(script)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip().removeprefix("listening on ")

    def requests(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def stop(self):
        self.process.kill()
        self.process.wait()


class Server:
    """One `corral serve`, which may be killed and started again on the same data folder."""

    def __init__(self, data, *args, env=None):
        self.data, self.args, self.env, self.process = data, args, env or {}, None
        self.log_path = pathlib.Path(str(data) + ".log")
        self.start()

    def start(self, timeout=30):
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "CORRAL_AGENTS": str(AGENTS), **self.env}
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen([str(CORRAL), "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--log-format", "json",
                                         *self.args], stdout=subprocess.PIPE, stderr=self.log_file, text=True, env=env)
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on http://"), f"{line!r}\n{self.log_tail()}"
        self.url = line.removeprefix("listening on ")
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the server did not stop within 20 s of SIGTERM\n" + self.log_tail())

    def remove_workspaces(self):
        """What a test leaves at work would outlive it, by design: end it."""
        for state in self.data.glob("workspaces/*/state.json"):
            try:
                document = json.loads(state.read_text())
                os.kill(document["runner"]["pid"], signal.SIGKILL)
            except (OSError, ValueError, KeyError):
                continue
            for cgroup in document.get("cgroups", {}).values():
                for _ in range(100):
                    try:
                        os.rmdir(cgroup)
                        break
                    except FileNotFoundError:
                        break
                    except OSError:
                        time.sleep(0.02)

    def log_tail(self, lines=40):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def errors(self):
        found = []
        for line in self.log_path.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                found.append(line)
                continue
            if entry.get("level") == "error":
                found.append(line)
        return found

    # --- API ---
    def get(self, path, **kwargs):
        return requests.get(self.url + path, timeout=30, **kwargs)

    def post(self, path, body=None, **kwargs):
        return requests.post(self.url + path, json=body if body is not None else {}, timeout=60, **kwargs)

    def start_run(self, **body):
        answer = self.post("/api/v1/runs", body)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"].endswith(answer.json()["id"])
        return answer.json()["id"]

    def run(self, run):
        answer = self.get(f"/api/v1/runs/{run}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, run, until=("completed", "failed", "cancelled"), timeout=120):
        deadline = time.monotonic() + timeout
        while True:
            document = self.run(run)
            if document["status"] in until or (callable(until) and until(document)):
                return document
            assert time.monotonic() < deadline, f"run is still {document['status']}: {json.dumps(document, indent=1)}\n{self.log_tail()}"
            time.sleep(0.05)

    def wait_for(self, run, condition, timeout=60):
        deadline = time.monotonic() + timeout
        while True:
            document = self.run(run)
            if condition(document):
                return document
            assert time.monotonic() < deadline, f"{json.dumps(document, indent=1)}\n{self.log_tail()}"
            time.sleep(0.03)

    def events(self, run):
        answer = self.get(f"/api/v1/runs/{run}/events?from=1&limit=500")
        assert answer.status_code == 200, answer.text
        return answer.json()["items"]

    def log(self, run):
        return self.get(f"/api/v1/runs/{run}/log").text


class Database:
    """A PostgreSQL server in a folder of its own, run as an unprivileged user, ended by its pid."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.user = []
        if os.geteuid() == 0:  # initdb and postgres refuse to run as root
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            os.chmod(folder.parent, 0o711)
            self.user = ["setpriv", "--pdeathsig", "QUIT", "--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", folder / "data", "-U", "corral", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        hba = folder / "data/pg_hba.conf"
        hba.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        self.start()
        self.query(f"ALTER ROLE corral PASSWORD '{DATABASE_PASSWORD}'")
        self.query("CREATE DATABASE corral")
        self.url = f"postgres://corral:{DATABASE_PASSWORD}@127.0.0.1:{self.port}/corral"

    def run(self, program, *args):
        done = subprocess.run([*self.user, POSTGRES[-1].parent / program, *args], capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql, database="postgres"):
        return self.run("psql", "-X", "-A", "-t", "-h", self.folder, "-p", str(self.port), "-U", "corral", "-d", database, "-c", sql).strip()

    def start(self):
        with open(self.folder.parent / "postgres.log", "ab") as log:
            self.process = subprocess.Popen([*self.user, POSTGRES[-1], "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port),
                                             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"], stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while subprocess.run([POSTGRES[-1].parent / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder.parent / "postgres.log").read_text()
            time.sleep(0.02)

    def crash(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def restart_at_once(self):
        """What an operator's `pg_ctl restart -m immediate` does: every connection breaks, and the log is recovered."""
        self.run("pg_ctl", "stop", "-D", self.folder / "data", "-m", "immediate", "-w")
        self.process.wait()
        self.start()


def workspace_processes(data):
    """Host pids of everything that belongs to workspaces below a data folder (their launch names the folder)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                for fd in (entry / "fd").iterdir():
                    if os.readlink(fd).startswith(str(data) + "/"):
                        found.append(int(entry.name))
                        break
            except OSError:
                continue
    return found


def cgroups():
    return {str(p) for p in pathlib.Path("/sys/fs/cgroup").glob("*/corral/*") if p.is_dir()} | \
           {str(p) for p in pathlib.Path("/sys/fs/cgroup").glob("corral/*") if p.is_dir()}


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="corral-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def model(folder):
    server = Model(folder)
    yield server
    server.stop()


def install_agent(name):
    """The pinned version, once for all tests, as a user would."""
    done = subprocess.run([str(CORRAL), "agent", "install", name, "--data", str(ROOT / "build/agent-data")], capture_output=True, text=True,
                          env={**os.environ, "CORRAL_AGENTS": str(AGENTS)})
    assert done.returncode == 0, done.stdout + done.stderr
    return AGENTS


@pytest.fixture(scope="session")
def claude():
    return install_agent("claude")


def model_environment(model):
    """Every provider is the scripted model, with a key that must not be seen anywhere else."""
    names = ("ANTHROPIC", "OPENAI", "GEMINI")
    return {f"CORRAL_{name}_BASE_URL": model.url for name in names} | {f"{name}_API_KEY": API_KEY for name in names}


@pytest.fixture
def serve(folder, model):
    """serve(*args) starts a server with the scripted model; at the end nothing of it may be left: no process, no cgroup, no
    error in its log that the test did not expect (server.expected_errors)."""
    servers, before = [], cgroups()

    def start(*args, env=None):
        server = Server(folder / f"data{len(servers)}", *args, env={**model_environment(model), **(env or {})})
        server.expected_errors = False
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()
        server.remove_workspaces()
    for server in servers:
        assert server.expected_errors or not server.errors(), server.errors()
        text = server.log_path.read_text(errors="replace")
        assert API_KEY not in text, "the API key is in the server's log"
    deadline = time.monotonic() + 5
    while (left := cgroups() - before) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, f"cgroups left behind: {left}"


@pytest.fixture
def database(folder):
    if not POSTGRES:
        pytest.skip("PostgreSQL is not installed")
    made = Database(folder / "postgres")
    yield made
    made.crash()
    shutil.rmtree(made.folder, ignore_errors=True)
