"""Acceptance 7: the web page in real Chromium, against the real server with the real agent CLI (web/e2e holds the steps)."""
import os
import subprocess
import sys

from conftest import ROOT, make_repo


def test_the_page_in_chromium(serve, folder, claude):
    server = serve()
    make_repo(folder / "repo", {"README.md": "hello\n", "src/app.py": "print('hello')\n"})
    shots = ROOT / "build/screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "run", "--prefix", str(ROOT / "web"), "e2e"], capture_output=True, text=True, timeout=600,
                          env={**os.environ, "CORRAL_URL": server.url, "CORRAL_REPO": str(folder / "repo"), "CORRAL_SHOTS": str(shots)})
    sys.stdout.write(done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:] + server.log_tail()
