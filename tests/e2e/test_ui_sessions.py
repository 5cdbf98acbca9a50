"""Live sessions in real Chromium, against the real server (web/e2e/sessions.spec.ts holds the steps)."""
from test_ui import browse, sample


def test_sessions_in_chromium(serve, folder):
    browse(serve(), sample(folder), "sessions.spec")
