// The link's codec, which both ends feed with what the other sends: any bytes, in any split, give
// the same frames, a frame written again is the same bytes, and messages and bodies stay within
// their bounds.
#include "base/error.h"
#include "runner/link/frame.h"
#include "runner/link/message.h"

namespace {

using namespace corral;
using namespace corral::runner::link;

struct Seen {
  std::string wire;      // the frames, written again
  std::string messages;  // what control frames said
  bool corrupt = false;
};

void take_message(const std::string& text, Bodies& bodies, Seen& seen) {
  auto message = parse_message(text);
  if (!message) return void(seen.messages += message.error().message);
  if (const auto body = bodies.take(message->id, message->body_bytes))
    CORRAL_ASSERT(body->size() == message->body_bytes);
  // What was understood can be said again, and is then understood as the same.
  const auto again =
      message->kind == Message::Kind::request
          ? request_text(message->id, message->method, message->params, message->body_bytes)
      : message->kind == Message::Kind::notification
          ? notification_text(message->method, message->params)
      : message->result ? result_text(message->id, *message->result, message->body_bytes)
                        : error_text(message->id, message->result.error());
  const auto back = parse_message(again);
  CORRAL_ASSERT(back && back->kind == message->kind && back->id == message->id &&
                back->method == message->method && back->params == message->params);
  seen.messages += again;
}

Seen play(std::string_view stream, std::size_t piece) {
  Seen seen;
  FrameReader reader;
  ControlAssembler control;
  Bodies bodies;
  for (std::size_t at = 0; at < stream.size() && !seen.corrupt; at += piece) {
    reader.append(stream.substr(at, piece));
    for (;;) {
      const auto frame = reader.next();
      if (!frame) {
        seen.corrupt = true;
        break;
      }
      if (!*frame) break;
      CORRAL_ASSERT((*frame)->payload.size() <= kMaxPayloadBytes);
      append_frame(seen.wire, **frame);
      if ((*frame)->type == FrameType::body)
        (void)bodies.add((*frame)->channel, (*frame)->offset, (*frame)->payload);
      if ((*frame)->type != FrameType::control) continue;
      if (const auto text = control.add(**frame); text && *text) take_message(**text, bodies, seen);
    }
    reader.shrink();
  }
  CORRAL_ASSERT(stream.starts_with(seen.wire));
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto whole = play(stream, size == 0 ? 1 : size);
  for (const std::size_t piece : {1u, 7u, 20u, 4096u}) {
    const auto split = play(stream, piece);
    CORRAL_ASSERT(split.wire == whole.wire && split.messages == whole.messages &&
                  split.corrupt == whole.corrupt);
  }
  return 0;
}
