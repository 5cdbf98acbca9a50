"""What live sessions cost while nothing happens in them: memory of server and runners, CPU, descriptors; then the same with busy ones.

  idle.py BUILD [WORKSPACES] [SESSIONS-A-WORKSPACE] [BUSY]        500 idle sessions by default, in 5 workspaces, and 50 busy ones
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

BUILD = pathlib.Path(sys.argv[1]).resolve()
WORKSPACES, EACH, BUSY = (int(sys.argv[i]) if len(sys.argv) > i else otherwise for i, otherwise in ((2, 5), (3, 100), (4, 50)))
SECONDS = int(os.environ.get("CORRAL_BENCH_SECONDS", "20"))
PROMPT = ["sh", "-c", "seq 200; exec sleep 1000000"]  # a screen and some history, as a shell that was used
TALK = ["sh", "-c", "while :; do date; sleep 0.1; done"]


def wait(condition, what, timeout=300):
    until = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > until:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.1)
    return found


def runners():
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() in ("corral-runner", "runner", "bwrap"):
                found.append(int(entry.name))
        except OSError:
            continue
    return set(found)


def field(pid, names):
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(re.search(rf"{name}:\s+(\d+)", text)[1]) for name in names if name in text)


def ticks(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return int(words[11]) + int(words[12])


folder = pathlib.Path(tempfile.mkdtemp(prefix="corral-bench-idle-"))
before = runners()
out = open(folder / "out", "w+")
server = subprocess.Popen([BUILD / "bin/corral", "serve", "--data", folder / "data", "--listen", "127.0.0.1:0", "--log-level", "error"], stdout=out, stderr=subprocess.STDOUT)
runs = []


def call(path, body=None, attempts=100):
    request = urllib.request.Request(f"{url}/api/v1/{path}", json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=120))


def own():
    return sorted(runners() - before)


def measure(what):
    """CPU of the server and of all runners over a while, in percent of a core; memory now."""
    everyone = [server.pid, *own()]
    begin = [ticks(pid) for pid in everyone]
    started = time.monotonic()
    time.sleep(SECONDS)
    used = [b - a for a, b in zip(begin, (ticks(pid) for pid in everyone))]
    scale = 100 / os.sysconf("SC_CLK_TCK") / (time.monotonic() - started)
    print(f"{what}: CPU {used[0] * scale:.2f} % server, {sum(used[1:]) * scale:.2f} % runners; server {field(server.pid, ['VmRSS']) / 1024:.1f} MB, "
          f"{len(os.listdir(f'/proc/{server.pid}/fd'))} descriptors; load {os.getloadavg()[0]:.1f}", flush=True)
    return sum(used) * scale


def sessions_up(count):
    up, cursor = 0, ""
    while True:
        page = call(f"sessions?status=running&limit=200{'&cursor=' + cursor if cursor else ''}")
        up += len(page["items"])
        cursor = page.get("next_cursor")
        if not cursor:
            return up >= count


try:
    url = wait(lambda: re.search(r"listening on (\S+)", (folder / "out").read_text()), "the server")[1]
    repo = folder / "repo"
    subprocess.run(["git", "init", "-q", "-b", "main", repo], check=True)
    subprocess.run(["git", "-C", repo, "-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-q", "--allow-empty", "-m", "start"], check=True)
    measure("no session")
    for workspace in range(WORKSPACES + (1 if BUSY else 0)):
        made = call("sessions", {"git_url": str(repo), "command": PROMPT})
        runs.append(wait(lambda: (d := call(f"sessions/{made['id']}"))["status"] == "running" and d["run"], "a workspace"))
    wait(lambda: sessions_up(len(runs)), "the first sessions")
    time.sleep(6)
    server_first, runners_first = field(server.pid, ["VmRSS"]), sum(field(pid, ["RssAnon", "RssShmem"]) for pid in own())
    measure(f"{len(runs)} workspaces with a session each")
    begun = time.monotonic()
    for run in runs[:WORKSPACES]:
        for _ in range(EACH - 1):
            call("sessions", {"run": run, "command": PROMPT})
    more = WORKSPACES * (EACH - 1)
    wait(lambda: sessions_up(len(runs) + more), "all sessions")
    print(f"{more} sessions more, in {len(runs[:WORKSPACES])} of the workspaces: begun in {time.monotonic() - begun:.1f} s", flush=True)
    time.sleep(12)
    cpu = measure(f"{len(runs) + more} idle sessions")
    print(f"CPU of idle sessions, server and runners: {cpu:.2f} % of a core (goal below 1: {'met' if cpu < 1 else 'MISSED'})")
    if more:
        server_more = (field(server.pid, ["VmRSS"]) - server_first) / more
        runners_more = (sum(field(pid, ["RssAnon", "RssShmem"]) for pid in own()) - runners_first) / more
        print(f"each idle session adds {server_more:.0f} KB to the server and {runners_more:.0f} KB to its runner: {(server_more + runners_more) / 1024:.2f} MB (goal: below 3)")
    print(f"a runner has at most {max(len(os.listdir(f'/proc/{pid}/fd')) for pid in own())} descriptors")
    for _ in range(BUSY):
        call("sessions", {"run": runs[-1], "command": TALK})
    if BUSY:
        wait(lambda: sessions_up(len(runs) + more + BUSY), "the busy sessions")
        measure(f"and {BUSY} busy ones, each printing a line ten times a second")
finally:
    for run in runs:
        call(f"runs/{run}/cancel", {})
    if runs:
        wait(lambda: not own(), "the runners' end")
    server.terminate()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)
