#!/usr/bin/env python3
"""A scripted model on loopback that speaks the Anthropic Messages API: for tests and for recording the demo.

    model_server.py [--port 0] [--script FILE] [--log FILE] [--until-eof]     prints "listening on http://127.0.0.1:PORT"

POST /v1/messages (streamed or not), POST /v1/messages/count_tokens, GET or HEAD /.

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
    "disconnect_after": 3                                            hang up after that many events
"""
import argparse
import itertools
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.S)
INTERRUPTED = "[Request interrupted"


def blocks_of(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def place_in_conversation(messages):
    """The last prompt of a person, and how many rounds of tool results came after it."""
    prompt, rounds = "", 0
    for message in messages:
        if message["role"] != "user":
            continue
        blocks = blocks_of(message)
        if any(block["type"] == "tool_result" for block in blocks):
            rounds += 1
        texts = [REMINDER.sub("", block["text"]).strip() for block in blocks if block["type"] == "text"]
        text = "\n".join(t for t in texts if t and not t.startswith(INTERRUPTED))
        if text:
            prompt, rounds = text, 0
    return prompt, rounds


def pieces(text, size):
    return [text[i:i + size] for i in range(0, len(text), size)]


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

    def reply(self, value, status=200):
        data = json.dumps(value).encode()
        self.send_response(status)
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
        try:
            request = json.loads(raw)
        except ValueError:
            return self.refuse(400, "invalid_request_error", "the body is not JSON")
        credential = next((h for h in ("x-api-key", "authorization") if self.headers.get(h)), None)
        if path == "/v1/messages/count_tokens":
            self.server.log(path=path, credential=credential)
            return self.reply({"input_tokens": len(raw) // 4})
        if path != "/v1/messages":
            return self.refuse(404, "not_found_error", path)
        prompt, number = place_in_conversation(request["messages"])
        steps = self.steps_for(prompt, request)
        number = min(number, len(steps) - 1)
        step = steps[number]
        self.server.log(path=path, step=number, credential=credential, headers=dict(self.headers), model=request.get("model"),
                        tools=[tool.get("name") for tool in request.get("tools", [])], prompt=prompt[-200:], body=request)
        if self.server.fails_now((json.dumps(steps), number), step):
            return self.refuse(step["status"], step.get("error", "overloaded_error"), "scripted failure")
        try:
            self.answer(request, step, len(raw) // 4)
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

    def steps_for(self, prompt, request):
        if not request.get("tools") and self.headers.get("user-agent") != "corral":  # whose llm steps have none
            return [{"text": "A short title"}]  # the CLI asks for titles and summaries with no tools
        if "SCRIPT:" in prompt:
            return json.JSONDecoder().raw_decode(prompt[prompt.rindex("SCRIPT:") + 7:])[0]
        return self.server.script or [{"text": "Done."}]

    def refuse(self, status, kind, message):
        self.reply({"type": "error", "error": {"type": kind, "message": message}}, status)

    def answer(self, request, step, estimate):
        calls = step.get("tools") or ([{"tool": step["tool"], "input": step["input"]}] if "tool" in step else [])
        content = []
        if "thinking" in step:
            content.append({"type": "thinking", "thinking": step["thinking"], "signature": "c2NyaXB0ZWQ="})
        if "text" in step:
            content.append({"type": "text", "text": step["text"]})
        content += [{"type": "tool_use", "id": self.unique("toolu"), "name": c["tool"], "input": c["input"]} for c in calls]
        stop = "tool_use" if calls else "end_turn"
        usage = {"input_tokens": estimate, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                 "output_tokens": max(1, len(json.dumps(content)) // 4), **step.get("usage", {})}
        message = {"id": self.unique("msg"), "type": "message", "role": "assistant", "model": request.get("model"),
                   "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
        time.sleep(step.get("first_ms", 0) / 1000)
        if not request.get("stream"):
            return self.reply({**message, "content": content, "stop_reason": stop, "usage": usage})
        self.stream(message, content, stop, usage, step)

    def stream(self, message, content, stop, usage, step):
        self.send_response(200)
        for name, value in (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"),
                            ("request-id", self.unique("req")), ("transfer-encoding", "chunked")):
            self.send_header(name, value)
        self.end_headers()
        left = itertools.count(step.get("disconnect_after", 1 << 30), -1)

        def event(kind, **fields):
            if next(left) == 0:
                raise Disconnect
            data = f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def deltas(index, kind, field, text, size):
            for piece in pieces(text, size):
                event("content_block_delta", index=index, delta={"type": kind, field: piece})
                time.sleep(step.get("delay_ms", 0) / 1000)

        event("message_start", message=message)
        event("ping")
        for index, block in enumerate(content):
            empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[block["type"]]
            event("content_block_start", index=index, content_block={**block, **empty})
            if block["type"] == "text":
                deltas(index, "text_delta", "text", block["text"], 24)
            elif block["type"] == "thinking":
                deltas(index, "thinking_delta", "thinking", block["thinking"], 24)
                deltas(index, "signature_delta", "signature", block["signature"], 64)
            else:
                deltas(index, "input_json_delta", "partial_json", json.dumps(block["input"]), 48)
            event("content_block_stop", index=index)
        event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage)
        event("message_stop")
        self.wfile.write(b"0\r\n\r\n")


def main():
    parser = argparse.ArgumentParser(description="A scripted model that speaks the Anthropic Messages API.")
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
