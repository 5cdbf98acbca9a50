"""Acceptance 7: the web page in real Chromium, against the real server with the real agent CLI (web/e2e holds the steps)."""
import os
import sqlite3
import subprocess
import sys

from conftest import ROOT, make_repo

FAR = "2099-01-01T00:00:00Z"


def browse(server, repo, *specs):
    """Runs those files of web/e2e against the server."""
    shots = ROOT / "build/screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "run", "--prefix", str(ROOT / "web"), "e2e", "--", *specs], capture_output=True, text=True, timeout=900,
                          env={**os.environ, "CORRAL_URL": server.url, "CORRAL_REPO": str(repo), "CORRAL_SHOTS": str(shots)})
    sys.stdout.write(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:] + server.log_tail()


def sample(folder):
    return make_repo(folder / "repo", {"README.md": "hello\n", "src/app.py": "print('hello')\n"})


def give_up_all_jobs(server, error):
    """What a job looks like that has failed at every attempt. (What makes one fail so is for the engine's own tests.)"""
    with sqlite3.connect(server.data / "corral.db", timeout=30) as database:
        changed = database.execute("UPDATE jobs SET state = 4, attempt = max_attempts, error = ?, finished = 1 WHERE state = 0 AND kind = 'run'",
                                   (error,)).rowcount
    database.close()
    return changed


def test_the_page_in_chromium(serve, folder, claude):
    browse(serve(), sample(folder), "run.spec", "steering.spec", "pages.spec", "pwa.spec")


def test_graph_time_travel_retry_fork_and_schedules_in_chromium(serve, folder):
    browse(serve(), sample(folder), "flow.spec")


def test_dead_letters_and_the_queue_in_chromium(serve, folder):
    server, repo = serve(), sample(folder)
    for _ in range(2):
        server.start_run(git_url=str(repo), agent="command", command=["true"], prompt="", not_before=FAR)
    assert give_up_all_jobs(server, "the disk was full") == 2
    browse(server, repo, "dead-letters.spec")
