"""Acceptance 4: what goes wrong ends in a clear error or in success; nothing is lost and nothing leaks."""
import fcntl
import json
import os
import pathlib
import re
import subprocess
import time

import pytest
import requests
from conftest import API_KEY, CORRAL, ROOT, git, make_repo, workspace_processes


def cli(folder, *args, env=None, **kwargs):
    return subprocess.run([str(CORRAL), *args], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "HOME": str(folder), "CORRAL_DATA": str(folder / "cli"), "CORRAL_AGENTS": str(ROOT / "build/agents"), **(env or {})}, **kwargs)


def test_a_repository_that_cannot_be_read_is_named(serve, folder):
    server = serve()
    for url, words in ((str(folder / "nowhere"), "nowhere"), ("https://127.0.0.1:9/x.git", "127.0.0.1"), (str(make_empty(folder / "empty")), "empty")):
        answer = server.post("/api/v1/runs", {"git_url": url, "agent": "command", "command": ["true"], "prompt": "x"})
        if answer.status_code == 202:
            done = server.wait(answer.json()["id"])
            assert done["status"] == "failed" and words in done["error"]["message"], done
        else:
            assert 400 <= answer.status_code < 500 and words in answer.json()["detail"], answer.text
    for url in ("ext::sh -c id", "-oProxyCommand=id", "fd::3", "relative/path", "file:///etc/../x\n"):
        answer = server.post("/api/v1/runs", {"git_url": url, "agent": "command", "command": ["true"], "prompt": "x"})
        assert 400 <= answer.status_code < 500, f"{url}: {answer.status_code}"


def make_empty(path):
    path.mkdir()
    git(path, "init", "-q")
    return path


def test_a_bad_workflow_names_line_and_column(serve, folder):
    server = serve()
    answer = server.post("/api/v1/workflows/validate", {"definition": "name: x\nsteps:\n  - name: a\n    kind: comand\n"})
    assert answer.status_code == 400 and re.search(r"\b[34]:\d+: .*comand", answer.json()["detail"]), answer.text
    bad = folder / "bad.yaml"
    bad.write_text("name: x\nsteps:\n  - name: a\n    kind: comand\n")
    done = cli(folder, "workflow", "validate", str(bad))
    assert done.returncode == 2 and re.search(r"bad\.yaml:[34]:\d+: .*comand", done.stderr), done.stderr


def test_a_missing_agent_says_how_to_install_it(serve, folder):
    server, repo = serve(env={"CORRAL_AGENTS": str(folder / "none")}), make_repo(folder / "repo", {"a": "a\n"})
    answer = server.post("/api/v1/runs", {"git_url": str(repo), "agent": "claude", "prompt": "x"})
    text = answer.text if answer.status_code != 202 else json.dumps(server.wait(answer.json()["id"]))
    assert "corral agent install claude" in text, text


def test_a_dead_provider_fails_the_run_with_the_reason(serve, folder, claude):
    server, repo = serve(env={"CORRAL_ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "CORRAL_CLAUDE_MAX_RETRIES": "1"}), make_repo(folder / "repo", {"a": "a\n"})
    done = server.wait(server.start_run(git_url=str(repo), agent="claude", prompt="x"), timeout=90)
    assert done["status"] == "failed" and done["error"]["message"], done
    assert "provider" in json.dumps(done["error"]) or "connect" in json.dumps(done["error"]).lower(), done["error"]


def test_no_key_is_said_at_once(serve, folder, claude):
    server, repo = serve(env={"ANTHROPIC_API_KEY": "", "CORRAL_ANTHROPIC_BASE_URL": ""}), make_repo(folder / "repo", {"a": "a\n"})
    answer = server.post("/api/v1/runs", {"git_url": str(repo), "agent": "claude", "prompt": "x"})
    text = answer.text if answer.status_code != 202 else json.dumps(server.wait(answer.json()["id"], timeout=60))
    assert "ANTHROPIC_API_KEY" in text, text


def test_a_garbage_cassette_is_refused_at_the_start(folder):
    bad = folder / "bad.cassette"
    bad.write_text("this is no cassette\n")
    done = cli(folder, "serve", "--data", str(folder / "d"), "--listen", "127.0.0.1:0", "--replay", str(bad), timeout=20)
    assert done.returncode == 2 and "bad.cassette" in done.stderr and "1" in done.stderr, done.stderr


def test_a_10_mb_prompt_works_and_a_larger_than_allowed_is_refused(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    prompt = "p" * 10_000_000
    done = server.wait(server.start_run(git_url=str(repo), agent="command", command=["sh", "-c", "wc -c > size"], prompt=prompt))
    assert done["status"] == "completed", server.log(done["id"])
    assert git(repo, "show", f"{done['branch']}:size").strip() == "10000000"
    answer = server.post("/api/v1/runs", {"git_url": str(repo), "agent": "command", "command": ["true"], "prompt": "p" * 40_000_000})
    assert answer.status_code == 413


def test_a_repository_of_50000_files_works(serve, folder):
    repo = folder / "big"
    for i in range(500):
        (repo / f"d{i}").mkdir(parents=True)
        for j in range(100):
            (repo / f"d{i}" / f"f{j}").write_text(f"{i} {j}\n")
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "many")
    server = serve()
    done = server.wait(server.start_run(git_url=str(repo), agent="command", command=["sh", "-c", "ls | wc -l; echo x > d0/f0"], prompt="x"), timeout=240)
    assert done["status"] == "completed" and done["diff_stat"]["files"] == 1, server.log(done["id"])[-2000:]


def test_a_full_disk_is_a_clear_error_and_nothing_is_lost(serve, folder):
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)], capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        from conftest import Server
        repo = make_repo(folder / "repo", {"a": "a\n"})
        server = Server(small / "data", env={"ANTHROPIC_API_KEY": API_KEY})
        try:
            first = server.wait(server.start_run(git_url=str(repo), agent="command", command=["true"], prompt="x"))
            assert first["status"] == "completed"
            filler = small / "filler"
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"\0" * 65536)
                except OSError:
                    pass
            answer = server.post("/api/v1/runs", {"git_url": str(repo), "agent": "command", "command": ["true"], "prompt": "x" * 200000})
            if answer.status_code == 202:
                blocked = answer.json()["id"]
                met = re.compile(rf"space left|run.*{blocked}.*failed|{blocked}.*ended")
                deadline = time.monotonic() + 30
                while not met.search(server.log_path.read_text(errors="replace")):
                    assert time.monotonic() < deadline, "the run did not meet the full disk: " + server.log_tail()
                    time.sleep(0.05)
            else:
                assert answer.status_code == 507 and answer.json()["code"] == "exhausted", answer.text
                assert "full" in answer.json()["detail"] or "space" in answer.json()["detail"], answer.text
                blocked = None
            assert server.get("/healthz").status_code == 200
            filler.unlink()
            if blocked:
                assert server.wait(blocked, timeout=120)["status"] in ("completed", "failed")
            assert server.run(first["id"]) == first
            after = server.wait(server.start_run(git_url=str(repo), agent="command", command=["true"], prompt="x"))
            assert after["status"] == "completed", after
        finally:
            server.stop()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def has_open(pid, path):
    """Whether the process has the file open; what it closes meanwhile is passed over."""
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(descriptor) == os.path.realpath(path):
                return True
        except OSError:
            continue
    return False


def test_a_lock_that_outlives_its_server_for_a_moment_is_waited_for(folder):
    # As when it is killed while it starts a program: the child has the lock until it runs.
    dead = subprocess.Popen(["true"])
    dead.wait()
    data = folder / "data"
    data.mkdir()
    with open(data / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(str(dead.pid))
        lock.flush()
        server = subprocess.Popen([str(CORRAL), "serve", "--data", str(data), "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not has_open(server.pid, data / "lock"):
            assert server.poll() is None, server.stderr.read()
    assert server.stdout.readline().startswith("listening on "), server.stderr.read()
    server.terminate()
    server.communicate(timeout=20)


def test_nothing_is_left_behind_after_runs_of_every_ending(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    runs = [server.start_run(git_url=str(repo), agent="command", command=["sh", "-c", command], prompt="x")
            for command in ("true", "false", "sleep 0.1; kill -9 $$", "(sleep 1000 &) ; echo x > y")]
    for run in runs:
        server.wait(run)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = [p for p in (server.data / "workspaces").iterdir()] if (server.data / "workspaces").exists() else []
        processes = [p for p in workspace_processes(server.data) if p != server.process.pid]
        if not left and not processes:
            break
        time.sleep(0.1)
    assert not left and not processes, (left, processes)
    assert str(server.data) not in open("/proc/mounts").read()


def test_bad_input_on_the_command_line_is_exit_2(folder):
    for args in (["run"], ["runs", "show"], ["serve", "--listen", "nonsense"], ["no-such-command"], ["serve", "--sandbox", "maybe"], ["runs", "list", "--limit", "many"]):
        done = cli(folder, *args, timeout=20)
        assert done.returncode == 2, (args, done.returncode, done.stderr)
        assert done.stderr.strip(), args


def test_another_address_than_loopback_asks_for_a_token_that_is_shown_once(folder):
    def first_lines():
        process = subprocess.Popen([str(CORRAL), "serve", "--data", str(folder / "d"), "--listen", "0.0.0.0:0"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        port = line.strip().rsplit(":", 1)[1]
        refused = requests.get(f"http://127.0.0.1:{port}/api/v1/runs", timeout=10).status_code
        process.terminate()
        rest = process.communicate(timeout=20)[1]
        return refused, rest, port

    refused, shown, _ = first_lines()
    token = re.search(r"corral_[0-9a-f]{64}", shown)
    assert refused == 401 and token, shown
    refused, shown, _ = first_lines()
    assert refused == 401 and "corral_" not in shown, shown
