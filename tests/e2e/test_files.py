"""The files of a run's workspace through the real program: looked at, fetched and put there by its runner, and none from outside."""
import hashlib
import json
import os
import subprocess
import time

import requests
from conftest import CORRAL, make_repo

# Makes a tree with all that is difficult in it, then says what it finds once something was put there.
PROGRAM = """
import hashlib, os, pathlib, time
os.makedirs("tree/deep")
pathlib.Path("tree/deep/leaf.txt").write_text("leaf")
pathlib.Path("tree/tool").write_text("#!/bin/sh\\n")
os.chmod("tree/tool", 0o755)
os.symlink("/etc/passwd", "out")
os.symlink("/", "top")
os.symlink("tree", "inside")
os.mkfifo("fifo")
os.mkdir("many")
for i in range(10_000): os.close(os.open(f"many/{i:05}", os.O_CREAT))
os.close(os.open(b"\\xff-name", os.O_CREAT))
with open("big", "wb") as big: big.truncate((16 << 20) + 1)
pathlib.Path("ready").write_text("")
given = pathlib.Path("new/folder/given.bin")
while not given.exists(): time.sleep(0.02)
data = given.read_bytes()
print("given", len(data), hashlib.sha256(data).hexdigest(), oct(os.stat("tree/tool").st_mode & 0o777), flush=True)
time.sleep(600)
"""


class Files:
    def __init__(self, server, run):
        self.server, self.path = server, f"/api/v1/runs/{run}/files"

    def list(self, path=""):
        return self.server.get(self.path, params={"path": path})

    def get(self, path):
        return self.server.get(self.path + "/content", params={"path": path})

    def put(self, path, data):
        return requests.put(self.server.url + self.path + "/content", params={"path": path}, data=data, timeout=60)

    def names(self, path=""):
        answer = self.list(path)
        return [item["name"] for item in answer.json()["items"]] if answer.status_code == 200 else []


def start(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"README.md": "hello\n", "src/main.c": "int main;\n"})
    run = server.start_run(git_url=str(repo), agent="command", command=["python3", "-c", PROGRAM], prompt="x")
    files = Files(server, run)
    server.wait_for(run, lambda document: document["status"] in ("pending", "running") and "ready" in files.names())
    return server, run, files


def test_a_person_looks_fetches_and_puts_and_the_program_finds_it(serve, folder):
    server, run, files = start(serve, folder)
    top = files.list().json()
    found = {item["name"]: item for item in top["items"]}
    assert [item["type"] for item in top["items"]][:1] == ["folder"] and list(found).index("src") < list(found).index("README.md")
    assert found["src"]["type"] == "folder" and found["README.md"]["size_bytes"] == 6 and found["fifo"]["type"] == "other"
    assert found["out"]["type"] == "link" and found["out"]["target"] == "/etc/passwd"
    assert top["left_out"] == 1 and not top["truncated"], "one name is not UTF-8"
    assert files.names("tree/deep") == ["leaf.txt"] and files.names("inside") == ["deep", "tool"]

    began = time.monotonic()
    many = files.list("many").json()
    assert len(many["items"]) == 5000 and many["truncated"] and time.monotonic() - began < 10

    got = files.get("src/main.c")
    assert got.content == b"int main;\n" and got.headers["Content-Type"] == "application/octet-stream"
    assert got.headers["Content-Disposition"].startswith("attachment") and got.headers["X-Content-Type-Options"] == "nosniff"

    data = os.urandom(16 << 20)
    assert files.put("tree/tool", b"#!/bin/sh\necho mine\n").status_code == 204
    assert files.put("new/folder/given.bin", data).status_code == 204
    line = f"given {len(data)} {hashlib.sha256(data).hexdigest()} 0o755"
    server.wait_for(run, lambda _: line in server.log(run))
    assert files.get("new/folder/given.bin").content == data

    # The workspace outlives the server, and its files are reached by the next one.
    server.kill()
    server.start()
    server.wait_for(run, lambda _: files.get("src/main.c").status_code == 200)
    events = [json.loads(line) for line in server.log_path.read_text().splitlines() if '"file.uploaded"' in line]
    assert [(event["path"], event["actor"]) for event in events] == [("/workspace/tree/tool", "user:local"), ("/workspace/new/folder/given.bin", "user:local")]
    assert "echo mine" not in server.log_path.read_text(errors="replace")

    assert server.post(f"/api/v1/runs/{run}/cancel").status_code == 202
    server.wait(run)
    for answer in (files.list(), files.get("README.md"), files.put("x", b"x")):
        assert answer.status_code == 409 and "no workspace now" in answer.json()["detail"], answer.text


def test_nothing_outside_is_reached_and_nothing_blocks(serve, folder):
    server, run, files = start(serve, folder)
    outside = folder / "host-file"
    outside.write_text("host")
    for path in ("out", "top/etc/passwd", f"top{outside}"):
        answer = files.get(path)
        assert answer.status_code == 403 and "root:" not in answer.text, (path, answer.text)
    for path in ("top", "top/proc", "top/workspace"):
        assert files.list(path).status_code == 403, path
    assert files.put(f"top{outside}", b"x").status_code == 403 and outside.read_text() == "host"
    for path in ("../x", "a/../../x", "/etc/passwd", "a\0b"):
        assert {files.list(path).status_code, files.get(path).status_code, files.put(path, b"x").status_code} == {400}, path

    began = time.monotonic()
    assert files.get("fifo").status_code == 403 and files.list("fifo").status_code == 400 and files.put("fifo", b"x").status_code == 403
    assert time.monotonic() - began < 5
    assert files.get("tree").status_code == 403 and files.list("README.md").status_code == 400 and files.get("none").status_code == 404
    assert files.get("big").status_code == 422 and files.put("x", bytes((16 << 20) + 1)).status_code == 413
    # A link's place is taken; what it led to stays as it is.
    assert files.put("out", b"mine").status_code == 204 and files.get("out").content == b"mine"

    def cli(*args, **kwargs):
        done = subprocess.run([str(CORRAL), "files", *args, "--server", server.url], capture_output=True,
                              env={"PATH": os.environ["PATH"], "HOME": str(folder), "CORRAL_DATA": str(folder / "cli")}, **kwargs)
        return done.returncode, done.stdout, done.stderr

    assert cli("put", run, "-", "piped", input=b"\0\xff")[0] == 0
    assert cli("get", run, "piped")[1] == b"\0\xff"
    kept = folder / "kept"
    assert cli("get", run, "src/main.c", "-o", str(kept))[0] == 0 and kept.read_text() == "int main;\n"
    assert cli("put", run, str(kept), "tree/")[0] == 0 and files.names("tree") == ["deep", "kept", "tool"]
    code, out, _ = cli("list", run, "tree")
    assert code == 0 and b"deep/" in out and b"kept" in out
    assert cli("get", run, "out/x")[0] == 4
    server.post(f"/api/v1/runs/{run}/cancel")
    server.wait(run)
    code, _, err = cli("list", run)
    assert code == 6 and b"no workspace now" in err, err
