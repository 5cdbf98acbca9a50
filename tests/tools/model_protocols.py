"""The wire protocols that the scripted model speaks (model_server.py): how each asks, and how each is answered.

Of a request: where in its conversation it stands, and which tools it offers. Of an answer: the whole document, or the
events of a stream as (event name or None, data, whether a pause belongs after it).
"""
import json
import re
import time

# What agents put into a person's words by themselves.
CONTEXT = re.compile(r"<(system-reminder|environment_context|user_instructions|permissions instructions|session_context|skills_instructions|"
                     r"INSTRUCTIONS)>.*?</\1>", re.S)
# Words that lead the conversation on without being a new task.
CONTINUES = ("[Request interrupted", "The model could not be reached", "# AGENTS.md")


def pieces(text, size):
    return [text[i:i + size] for i in range(0, len(text), size)]


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if isinstance(part, dict))


class Place:
    """The last prompt of a person, and how many rounds of tool results came after it."""

    def __init__(self):
        self.prompt, self.rounds = "", 0

    def words(self, *texts):
        texts = [CONTEXT.sub("", text).strip() for text in texts]
        text = "\n".join(t for t in texts if t and not t.startswith(CONTINUES))
        if text:
            self.prompt, self.rounds = text, 0

    def results(self):
        self.rounds += 1


class Answer:
    """One step of a script, as the answer to one request."""

    def __init__(self, request, step, model, estimate, unique):
        self.request, self.model, self.unique = request, model, unique
        self.thinking, self.text = step.get("thinking"), step.get("text")
        self.calls = step.get("tools") or ([{"tool": step["tool"], "input": step["input"]}] if "tool" in step else [])
        said = json.dumps([self.thinking, self.text, self.calls])
        self.usage = {"input_tokens": estimate, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                      "output_tokens": max(1, len(said) // 4), **step.get("usage", {})}


class Anthropic:
    credential = "x-api-key"

    def place(self, request):
        place = Place()
        for message in request["messages"]:
            if message["role"] != "user":
                continue
            content = message["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if any(block["type"] == "tool_result" for block in blocks):
                place.results()
            place.words(*(block["text"] for block in blocks if block["type"] == "text"))
        return place

    def tools(self, request):
        return [tool.get("name") for tool in request.get("tools", [])]

    def error(self, status, kind, message):
        return {"type": "error", "error": {"type": kind, "message": message}}

    def parts(self, answer):
        content = []
        if answer.thinking is not None:
            content.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2NyaXB0ZWQ="})
        if answer.text is not None:
            content.append({"type": "text", "text": answer.text})
        content += [{"type": "tool_use", "id": answer.unique("toolu"), "name": c["tool"], "input": c["input"]} for c in answer.calls]
        message = {"id": answer.unique("msg"), "type": "message", "role": "assistant", "model": answer.model, "content": [],
                   "stop_reason": None, "stop_sequence": None, "usage": {**answer.usage, "output_tokens": 1}}
        return content, message, "tool_use" if answer.calls else "end_turn"

    def whole(self, answer):
        content, message, stop = self.parts(answer)
        return {**message, "content": content, "stop_reason": stop, "usage": answer.usage}

    def events(self, answer):
        content, message, stop = self.parts(answer)

        def event(kind, paused=False, **fields):
            return kind, {"type": kind, **fields}, paused

        def deltas(index, kind, field, text, size):
            for piece in pieces(text, size):
                yield event("content_block_delta", True, index=index, delta={"type": kind, field: piece})

        yield event("message_start", message=message)
        yield event("ping")
        for index, block in enumerate(content):
            empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[block["type"]]
            yield event("content_block_start", index=index, content_block={**block, **empty})
            if block["type"] == "text":
                yield from deltas(index, "text_delta", "text", block["text"], 24)
            elif block["type"] == "thinking":
                yield from deltas(index, "thinking_delta", "thinking", block["thinking"], 24)
                yield from deltas(index, "signature_delta", "signature", block["signature"], 64)
            else:
                yield from deltas(index, "input_json_delta", "partial_json", json.dumps(block["input"]), 48)
            yield event("content_block_stop", index=index)
        yield event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=answer.usage)
        yield event("message_stop")


class OpenAI:
    credential = "authorization"

    def error(self, status, kind, message):
        return {"error": {"message": message, "type": kind, "param": None, "code": kind}}

    def figures(self, answer, taken, given, details):
        """OpenAI counts what came from the cache as input too."""
        usage = answer.usage
        whole = usage["input_tokens"] + usage["cache_read_input_tokens"]
        return {taken: whole, details: {"cached_tokens": usage["cache_read_input_tokens"]}, given: usage["output_tokens"],
                "total_tokens": whole + usage["output_tokens"]}


class Responses(OpenAI):
    def place(self, request):
        place, given = Place(), request["input"]
        for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
            if str(item.get("type", "")).endswith("call_output"):
                place.results()
            elif item.get("role") == "user":
                place.words(text_of(item["content"]))
        return place

    def tools(self, request):
        return [tool.get("name") or tool.get("type") for tool in request.get("tools", [])]

    def parts(self, answer):
        output = []
        if answer.text is not None:
            output.append({"type": "message", "id": answer.unique("msg"), "role": "assistant", "status": "completed",
                           "content": [{"type": "output_text", "text": answer.text, "annotations": []}]})
        output += [{"type": "function_call", "id": answer.unique("fc"), "call_id": answer.unique("call"), "name": call["tool"],
                    "arguments": json.dumps(call["input"]), "status": "completed"} for call in answer.calls]
        response = {"id": answer.unique("resp"), "object": "response", "created_at": int(time.time()), "status": "in_progress",
                    "model": answer.model, "output": []}
        usage = self.figures(answer, "input_tokens", "output_tokens", "input_tokens_details")
        return response, {**response, "status": "completed", "output": output,
                          "usage": {**usage, "output_tokens_details": {"reasoning_tokens": 0}}}

    def whole(self, answer):
        return self.parts(answer)[1]

    def events(self, answer):
        response, done = self.parts(answer)
        numbers = iter(range(1, 1 << 30))

        def event(kind, paused=False, **fields):
            return kind, {"type": kind, "sequence_number": next(numbers), **fields}, paused

        yield event("response.created", response=response)
        for index, item in enumerate(done["output"]):
            at = {"item_id": item["id"], "output_index": index}
            if item["type"] == "message":
                part, text = item["content"][0], item["content"][0]["text"]
                yield event("response.output_item.added", output_index=index, item={**item, "status": "in_progress", "content": []})
                yield event("response.content_part.added", **at, content_index=0, part={**part, "text": ""})
                for piece in pieces(text, 24):
                    yield event("response.output_text.delta", True, **at, content_index=0, delta=piece)
                yield event("response.output_text.done", **at, content_index=0, text=text)
                yield event("response.content_part.done", **at, content_index=0, part=part)
            else:
                yield event("response.output_item.added", output_index=index, item={**item, "status": "in_progress", "arguments": ""})
                yield event("response.function_call_arguments.delta", **at, delta=item["arguments"])
                yield event("response.function_call_arguments.done", **at, arguments=item["arguments"])
            yield event("response.output_item.done", output_index=index, item=item)
        yield event("response.completed", response=done)


class Chat(OpenAI):
    def place(self, request):
        place = Place()
        for message in request["messages"]:
            if message["role"] == "tool":
                place.results()
            elif message["role"] == "user":
                place.words(text_of(message["content"]))
        return place

    def tools(self, request):
        return [tool["function"]["name"] for tool in request.get("tools", [])]

    def parts(self, answer):
        base = {"id": answer.unique("chatcmpl"), "created": int(time.time()), "model": answer.model}
        calls = [{"index": i, "id": answer.unique("call"), "type": "function",
                  "function": {"name": c["tool"], "arguments": json.dumps(c["input"])}} for i, c in enumerate(answer.calls)]
        usage = self.figures(answer, "prompt_tokens", "completion_tokens", "prompt_tokens_details")
        return base, calls, usage, "tool_calls" if calls else "stop"

    def whole(self, answer):
        base, calls, usage, stop = self.parts(answer)
        message = {"role": "assistant", "content": answer.text, **({"tool_calls": calls} if calls else {})}
        return {**base, "object": "chat.completion", "choices": [{"index": 0, "finish_reason": stop, "message": message}], "usage": usage}

    def events(self, answer):
        base, calls, usage, stop = self.parts(answer)
        base["object"] = "chat.completion.chunk"

        def chunk(delta, paused=False, reason=None):
            return None, {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}, paused

        yield chunk({"role": "assistant", "content": ""})
        for piece in pieces(answer.text or "", 24):
            yield chunk({"content": piece}, True)
        if calls:
            yield chunk({"tool_calls": calls})
        yield chunk({}, reason=stop)
        # Only who asks is told, as by OpenAI itself.
        if answer.request.get("stream_options", {}).get("include_usage"):
            yield None, {**base, "choices": [], "usage": usage}, False
        yield None, "[DONE]", False


class Gemini:
    credential = "x-goog-api-key"

    def place(self, request):
        place = Place()
        for content in request["contents"]:
            if content.get("role") == "model":
                continue
            if any("functionResponse" in part for part in content["parts"]):
                place.results()
            else:
                place.words(text_of(content["parts"]))
        return place

    def tools(self, request):
        return [function["name"] for tool in request.get("tools", []) for function in tool.get("functionDeclarations", [])]

    def error(self, status, kind, message):
        names = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
        return {"error": {"code": status, "message": message, "status": names.get(status, "INTERNAL")}}

    def document(self, answer, parts, reason=None):
        usage, candidate = answer.usage, {"index": 0, "content": {"role": "model", "parts": parts}}
        if reason:
            candidate["finishReason"] = reason
        taken = usage["input_tokens"] + usage["cache_read_input_tokens"]
        return {"candidates": [candidate], "modelVersion": answer.model, "responseId": answer.unique("r"),
                "usageMetadata": {"promptTokenCount": taken, "cachedContentTokenCount": usage["cache_read_input_tokens"],
                                  "candidatesTokenCount": usage["output_tokens"], "totalTokenCount": taken + usage["output_tokens"]}}

    def parts(self, answer):
        form = answer.request.get("generationConfig", {})
        if form.get("responseMimeType") == "application/json":  # the CLI asks which model is to answer
            return [{"text": json.dumps({"complexity_reasoning": "scripted", "complexity_score": 10, "reasoning": "scripted",
                                         "model_choice": "flash", "next_speaker": "user"})}]
        parts = [{"text": piece} for piece in pieces(answer.text or "", 24)]
        if answer.thinking is not None:
            parts.insert(0, {"text": answer.thinking, "thought": True})
        parts += [{"functionCall": {"name": call["tool"], "args": call["input"]}, "thoughtSignature": "c2NyaXB0ZWQ="} for call in answer.calls]
        return parts or [{"text": ""}]

    def whole(self, answer):
        return self.document(answer, self.parts(answer), "STOP")

    def events(self, answer):
        parts = self.parts(answer)
        for number, part in enumerate(parts, 1):
            yield None, self.document(answer, [part], "STOP" if number == len(parts) else None), "text" in part


# (path, what it is): an answer in a protocol, or a count of tokens, with the name that it has there.
ROUTES = [(re.compile(path), protocol, counts) for path, protocol, counts in (
    (r"/v1/messages", Anthropic(), None),
    (r"/v1/messages/count_tokens", Anthropic(), "input_tokens"),
    (r"/v1/responses", Responses(), None),
    (r"/v1/chat/completions", Chat(), None),
    (r"/v1beta/models/(?P<model>[^/:]+):generateContent", Gemini(), None),
    (r"/v1beta/models/(?P<model>[^/:]+):(?P<stream>stream)GenerateContent", Gemini(), None),
    (r"/v1beta/models/(?P<model>[^/:]+):countTokens", Gemini(), "totalTokens"))]
