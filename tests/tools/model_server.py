#!/usr/bin/env python3
"""A scripted model on loopback that speaks the protocols of Anthropic, OpenAI and Gemini: for tests and for recording the demo.

    model_server.py [--port 0] [--script FILE] [--log FILE] [--until-eof]     prints "listening on http://127.0.0.1:PORT"

The paths are in model_protocols.py; GET or HEAD / says that it lives.

A script is a list of steps. Step k is played when k rounds of tool results follow the last prompt of a person, so the
server keeps no conversation: retries, resumed sessions and parallel runs all get the step that is their turn. After
the last step the last one is repeated. The script is the text `SCRIPT:[…]` in that prompt, else --script, else one
step that says "Done."

A step:
    {"thinking": "…", "text": "…", "tool": "Bash", "input": {…}}     each part may be missing
    "tools": [{"tool": …, "input": {…}}, …]                          several tool calls in one answer
    "usage": {"input_tokens": …, "output_tokens": …, …}              otherwise estimated from the sizes
    "first_ms": 300, "delay_ms": 20                                  pause before the first, and after every text piece
    "status": 529, "error": "overloaded_error", "times": 2           an HTTP error instead; only the first `times` requests
    "headers": {"retry-after": "3"}, "body": {…}                     of that error
    "disconnect_after": 3                                            hang up after that many events
"""
import argparse
import itertools
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from model_protocols import ROUTES, Answer


class Disconnect(Exception):
    pass


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port, script, log):
        super().__init__(("127.0.0.1", port), Handler)
        self.script, self.log_file = script, log
        self.lock = threading.Lock()
        self.failures = {}  # (script, step) → how often it has already failed
        self.numbers = itertools.count(1)

    def log(self, **fields):
        if self.log_file:
            with self.lock, open(self.log_file, "a", encoding="utf-8") as file:
                file.write(json.dumps({"time": time.time(), **fields}) + "\n")

    def fails_now(self, key, step):
        if "status" not in step:
            return False
        with self.lock:
            self.failures[key] = self.failures.get(key, 0) + 1
            return self.failures[key] <= step.get("times", 1 << 30)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # each event leaves at once

    def log_message(self, *_):
        pass

    def reply(self, value, status=200, headers=None):
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("content-type", "application/json")
        self.send_header("request-id", self.unique("req"))
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def unique(self, prefix):
        return f"{prefix}_01{next(self.server.numbers):022d}"

    def do_GET(self):
        self.reply({}, 200 if self.path == "/" else 404)

    do_HEAD = do_GET

    def do_POST(self):
        raw = self.body()
        path = self.path.split("?")[0]
        for pattern, protocol, counts in ROUTES:
            if found := pattern.fullmatch(path):
                break
        else:
            return self.reply({"error": {"type": "not_found_error", "message": path}}, 404)
        try:
            request = json.loads(raw)
        except ValueError:
            return self.reply(protocol.error(400, "invalid_request_error", "the body is not JSON"), 400)
        credential = protocol.credential
        if not self.headers.get(credential):
            return self.reply(protocol.error(401, "authentication_error", f"there is no {credential}"), 401)
        if counts:
            self.server.log(path=path, credential=credential)
            return self.reply({counts: len(raw) // 4})
        named = found.groupdict()
        model = named.get("model") or request.get("model")
        place, tools = protocol.place(request), protocol.tools(request)
        steps = self.steps_for(place.prompt, tools)
        number = min(place.rounds, len(steps) - 1)
        step = steps[number]
        self.server.log(path=path, step=number, credential=credential, headers=dict(self.headers), model=model, tools=tools,
                        prompt=place.prompt[-200:], body=request)
        if self.server.fails_now((json.dumps(steps), number), step):
            body = step.get("body") or protocol.error(step["status"], step.get("error", "overloaded_error"), "scripted failure")
            return self.reply(body, step["status"], step.get("headers"))
        answer = Answer(request, step, model, len(raw) // 4, self.unique)
        time.sleep(step.get("first_ms", 0) / 1000)
        try:
            if request.get("stream") or named.get("stream"):
                self.stream(protocol.events(answer), step)
            else:
                self.reply(protocol.whole(answer))
        except (Disconnect, BrokenPipeError, ConnectionResetError) as problem:
            self.server.log(path=path, step=number, ended_early=type(problem).__name__)
            self.close_connection = True

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def steps_for(self, prompt, tools):
        if not tools and self.headers.get("user-agent") != "corral":  # whose llm steps have none
            return [{"text": "A short title"}]  # agents ask for titles and summaries with no tools
        if "SCRIPT:" in prompt:
            return json.JSONDecoder().raw_decode(prompt[prompt.rindex("SCRIPT:") + 7:])[0]
        return self.server.script or [{"text": "Done."}]

    def stream(self, events, step):
        self.send_response(200)
        for name, value in (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"),
                            ("request-id", self.unique("req")), ("transfer-encoding", "chunked")):
            self.send_header(name, value)
        self.end_headers()
        left = itertools.count(step.get("disconnect_after", 1 << 30), -1)
        for name, value, paused in events:
            if next(left) == 0:
                raise Disconnect
            data = value if isinstance(value, str) else json.dumps(value)
            text = (f"event: {name}\n" if name else "") + f"data: {data}\n\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text.encode()), text.encode()))
            self.wfile.flush()
            if paused:
                time.sleep(step.get("delay_ms", 0) / 1000)
        self.wfile.write(b"0\r\n\r\n")


def main():
    parser = argparse.ArgumentParser(description="A scripted model that speaks the protocols of Anthropic, OpenAI and Gemini.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", help="a JSON file: a list of steps, or an object with \"steps\"")
    parser.add_argument("--log", help="append every request, as JSON lines, to this file")
    parser.add_argument("--until-eof", action="store_true", help="end when stdin closes, as it does when the program that started this dies")
    arguments = parser.parse_args()
    script = None
    if arguments.script:
        with open(arguments.script, encoding="utf-8") as file:
            script = json.load(file)
        script = script["steps"] if isinstance(script, dict) else script
    server = ModelServer(arguments.port, script, arguments.log)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    if arguments.until_eof:
        threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
