"""`corral serve` on a PostgreSQL database that the test starts: a run goes on when the server is killed, and when the database is."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import CORRAL, git, make_repo

PASSWORD = "a-database-password-THAT-MUST-NEVER-LEAK"
PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))


class Database:
    """A server in a folder of its own, run as an unprivileged user, ended by its pid."""

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
        self.query(f"ALTER ROLE corral PASSWORD '{PASSWORD}'")
        self.query("CREATE DATABASE corral")
        self.url = f"postgres://corral:{PASSWORD}@127.0.0.1:{self.port}/corral"

    def run(self, program, *args):
        done = subprocess.run([*self.user, PROGRAMS[-1].parent / program, *args], capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def query(self, sql, database="postgres"):
        return self.run("psql", "-X", "-A", "-t", "-h", self.folder, "-p", str(self.port), "-U", "corral", "-d", database, "-c", sql).strip()

    def start(self):
        with open(self.folder.parent / "postgres.log", "ab") as log:
            self.process = subprocess.Popen([*self.user, PROGRAMS[-1], "-D", self.folder / "data", "-k", self.folder, "-p", str(self.port),
                                             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"], stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while subprocess.run([PROGRAMS[-1].parent / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]).returncode != 0:
            assert time.monotonic() < deadline and self.process.poll() is None, (self.folder.parent / "postgres.log").read_text()
            time.sleep(0.02)

    def crash(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


@pytest.fixture
def database(folder):
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed")
    made = Database(folder / "postgres")
    yield made
    made.crash()
    shutil.rmtree(made.folder, ignore_errors=True)


def test_runs_go_on_when_the_server_or_the_database_is_killed(database, serve, folder):
    server = serve(env={"CORRAL_STORE": database.url})
    repo = make_repo(folder / "repo", {"a": "a\n"})
    agent = ["sh", "-c", "echo start >> starts; i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo \"line $i\"; sleep 0.01; done"]
    for kill in (database.crash, server.kill):
        run = server.start_run(git_url=str(repo), agent="command", prompt="x", command=agent)
        server.wait_for(run, lambda document: "line 20\n" in server.log(run))
        kill()
        (database if kill == database.crash else server).start()
        document = server.wait(run)
        assert document["status"] == "completed", server.log_tail()
        assert [line for line in server.log(run).splitlines() if line.startswith("line ")] == [f"line {i}" for i in range(1, 201)]
        assert git(repo, "show", f"{document['branch']}:starts") == "start", "the agent was started again"
        completed = [event["data"]["step"] for event in server.events(run) if event["type"] == "run.step.completed"]
        assert len(completed) == len(set(completed))
        assert database.query(f"SELECT count(*) FROM corral.jobs WHERE key = 'run/{run}' AND state = 3", "corral") == "1"
    assert not list(server.data.glob("corral.db*")), "nothing of the store is in the data folder"
    assert PASSWORD not in server.log_path.read_text()
    assert not server.errors()
    server.stop()
    check = [str(CORRAL), "store", "rebuild", "--check", "--data", str(server.data), "--store", database.url]
    assert subprocess.run(check, capture_output=True).returncode == 0, "what is shown is what the events add up to"
    database.query(f"DELETE FROM corral.documents WHERE kind = 'run' AND id = '{run}'", "corral")
    assert subprocess.run(check, capture_output=True).returncode == 1
    subprocess.run([word for word in check if word != "--check"], capture_output=True, check=True)
    assert subprocess.run(check, capture_output=True).returncode == 0
    server.start()
    assert server.run(run)["status"] == "completed"
