"""Acceptance 8: Schemathesis against the served OpenAPI document finds no 5xx and no answer that differs from the document."""
import os
import subprocess

from conftest import ROOT, make_repo


def test_schemathesis_finds_nothing(serve, folder):
    server, repo = serve(), make_repo(folder / "repo", {"a": "a\n"})
    # Something to be found: a project and a finished run.
    run = server.start_run(git_url=str(repo), agent="command", command=["true"], prompt="x")
    server.wait(run)
    done = subprocess.run(
        [str(ROOT / "build/tools/venv/bin/schemathesis"), "run", f"{server.url}/api/v1/openapi.json", "--checks", "all",
         "--exclude-checks", "unsupported_method,ignored_auth,use_after_free,ensure_resource_availability,positive_data_acceptance",
         "--max-examples", os.environ.get("CORRAL_TEST_EXAMPLES", "25"), "--seed", "1", "--request-timeout", "20", "--suppress-health-check", "all"],
        capture_output=True, text=True, cwd=folder, timeout=900)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.get("/readyz").status_code == 200
