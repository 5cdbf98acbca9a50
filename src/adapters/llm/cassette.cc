#include "adapters/llm/cassette.h"

#include "adapters/llm/stable_text.h"

namespace corral::adapters::llm {
namespace {

constexpr std::string_view kFormat = "corral-cassette";
constexpr int kMaxDepth = 64;

Result<json::value> parse_deep(std::string_view text, std::string_view what) {
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = 2 * kMaxDepth;
  json::value value = json::parse({text.data(), text.size()}, problem, {}, options);
  if (problem) return fail(ErrorCode::invalid, "{} is not valid JSON: {}", what, problem.message());
  return value;
}

Result<RecordedResponse> read_response(const json::value& value) {
  RecordedResponse response;
  CORRAL_TRY(auto reader, JsonReader::of(value, "\"response\""));
  CORRAL_TRY(const auto status, reader.optional_int("status"));
  if (!status || *status < 200 || *status > 599) return fail(ErrorCode::invalid, "\"response\" has no \"status\" from 200 to 599");
  response.head.status = static_cast<int>(*status);
  const auto* headers = reader.optional_value("headers");
  if (headers == nullptr || !headers->is_object()) return fail(ErrorCode::invalid, "\"response\" has no \"headers\"");
  for (const auto& header : headers->get_object()) {
    if (!header.value().is_string()) return fail(ErrorCode::invalid, "the header \"{}\" is not a string", std::string_view(header.key()));
    response.head.headers[std::string(header.key())] = std::string(header.value().get_string());
  }
  const auto* chunks = reader.optional_value("chunks");
  if (chunks == nullptr || !chunks->is_array()) return fail(ErrorCode::invalid, "\"response\" has no \"chunks\"");
  for (const auto& chunk : chunks->get_array()) {
    const auto* pair = chunk.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() || (*pair)[0].get_int64() < 0 || !(*pair)[1].is_string())
      return fail(ErrorCode::invalid, "a chunk is not [milliseconds, text]");
    response.chunks.push_back({(*pair)[0].get_int64(), std::string((*pair)[1].get_string())});
  }
  CORRAL_CHECK(reader.finish());
  return response;
}

Result<RecordedExchange> read_exchange(std::string_view line) {
  CORRAL_TRY(const auto value, parse_deep(line, "the line"));
  CORRAL_TRY(auto reader, JsonReader::of(value, "the line"));
  const auto* request = reader.optional_value("request");
  if (request == nullptr || !request->is_object() || find_string(*request, {"path"}).empty())
    return fail(ErrorCode::invalid, "no \"request\" with a \"path\"");
  const auto* response = reader.optional_value("response");
  if (response == nullptr) return fail(ErrorCode::invalid, "no \"response\"");
  CORRAL_TRY(auto recorded, read_response(*response));
  CORRAL_CHECK(reader.finish());
  return RecordedExchange{*request, std::move(recorded)};
}

Result<std::string> read_header(std::string_view line) {
  const auto value = parse_deep(line, "the line");
  if (!value || find_string(*value, {"format"}) != kFormat) return fail(ErrorCode::invalid, "it is not a cassette: the first line must be its header");
  if (const auto version = find_int(*value, {"version"}); version != kCassetteVersion)
    return fail(ErrorCode::unsupported, "it is of version {}, and this program reads version {}", version, kCassetteVersion);
  return std::string(find_string(*value, {"note"}));
}

// ---- the normal form ----

// The working directory that the agent tells the model, in its system prompt or a message.
std::string_view directory_in(std::string_view text) {
  constexpr std::string_view kSays = "working directory: ";
  const auto at = text.find(kSays);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + kSays.size());
  text = text.substr(0, text.find_first_of("\r\n<"));
  return text.starts_with('/') ? text : std::string_view();
}

std::string_view working_directory(const json::value& value) {
  if (const auto* text = value.if_string()) return directory_in(*text);
  if (const auto* array = value.if_array())
    for (const auto& item : *array)
      if (const auto found = working_directory(item); !found.empty()) return found;
  if (value.is_object())
    for (const std::string_view name : {"system", "messages", "content", "text"})
      if (const auto* inner = find(value, {name}))
        if (const auto found = working_directory(*inner); !found.empty()) return found;
  return {};
}

json::value stable_value(const json::value& value, std::string_view cwd) {
  if (const auto* text = value.if_string()) return json::string(stable_text(*text, cwd));
  if (const auto* array = value.if_array()) {
    json::array out;
    for (const auto& item : *array) out.push_back(stable_value(item, cwd));
    return out;
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& member : *object) out[member.key()] = stable_value(member.value(), cwd);
    return out;
  }
  return value;
}

std::string text_of(const json::value* content) {
  if (content == nullptr) return "";
  if (const auto* text = content->if_string()) return std::string(*text);
  std::string out;
  if (const auto* blocks = content->if_array())
    for (const auto& block : *blocks) {
      const auto type = find_string(block, {"type"});
      out += type == "text" ? find_string(block, {"text"}) : fmt::format("[{}]", type);
      out += '\n';
    }
  return out;
}

// One block of a message, or null when it decides nothing.
json::value normal_block(const json::value& block, std::string_view cwd) {
  const auto type = find_string(block, {"type"});
  if (type == "text") {
    auto text = stable_text(find_string(block, {"text"}), cwd);
    if (text.empty()) return nullptr;
    return json::object{{"text", std::move(text)}};
  }
  if (type == "tool_use") {
    const auto* input = find(block, {"input"});
    return json::object{{"tool_use", find_string(block, {"name"})}, {"input", input == nullptr ? json::value() : stable_value(*input, cwd)}};
  }
  if (type == "tool_result") {
    json::object out{{"tool_result", stable_text(text_of(find(block, {"content"})), cwd)}};
    if (find_bool(block, {"is_error"})) out["is_error"] = true;
    return out;
  }
  if (type == "thinking" || type == "redacted_thinking") return nullptr;
  return json::object{{"type", type}};  // an image, a document: that there is one
}

json::value normal_message(const json::value& message, std::string_view cwd) {
  json::array blocks;
  const auto* content = find(message, {"content"});
  if (content != nullptr && content->is_string()) {
    if (auto text = stable_text(content->get_string(), cwd); !text.empty()) blocks.push_back(json::object{{"text", std::move(text)}});
  } else if (content != nullptr && content->is_array()) {
    for (const auto& block : content->get_array())
      if (auto normal = normal_block(block, cwd); !normal.is_null()) blocks.push_back(std::move(normal));
  }
  if (blocks.empty()) return nullptr;
  return json::object{{"role", find_string(message, {"role"})}, {"content", std::move(blocks)}};
}

const json::array& messages_of(const json::value& normal) {
  static const json::array kNone;
  const auto* messages = find(normal, {"messages"});
  return messages != nullptr && messages->is_array() ? messages->get_array() : kNone;
}

// ---- differences ----

constexpr std::size_t kContext = 60;

// From a little before byte `at`, not cutting a character.
std::string excerpt(std::string_view text, std::size_t at) {
  const auto within = [&](std::size_t i) { return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  std::size_t start = at > kContext / 2 ? at - kContext / 2 : 0;
  while (start > 0 && within(start)) --start;
  std::size_t end = std::min(text.size(), start + kContext);
  while (within(end)) ++end;
  return fmt::format("{}{}{}", start > 0 ? "…" : "", text.substr(start, end - start), end < text.size() ? "…" : "");
}

Difference differing(std::string path, std::string_view recorded, std::string_view got) {
  std::size_t at = 0;
  while (at < recorded.size() && at < got.size() && recorded[at] == got[at]) ++at;
  return {std::move(path), excerpt(recorded, at), excerpt(got, at)};
}

std::string shown(const json::value* value) { return value == nullptr ? "nothing" : json::serialize(*value); }

std::optional<Difference> compare(const json::value& recorded, const json::value& got, const std::string& path) {
  if (recorded == got) return std::nullopt;
  if (recorded.is_string() && got.is_string()) return differing(path, recorded.get_string(), got.get_string());
  if (recorded.is_array() && got.is_array()) {
    const auto &a = recorded.get_array(), &b = got.get_array();
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const auto here = fmt::format("{}[{}]", path, i);
      if (i >= a.size() || i >= b.size()) return differing(here, shown(i < a.size() ? &a[i] : nullptr), shown(i < b.size() ? &b[i] : nullptr));
      if (auto inner = compare(a[i], b[i], here)) return inner;
    }
  }
  if (recorded.is_object() && got.is_object()) {
    const auto &a = recorded.get_object(), &b = got.get_object();
    const auto side = [&](const json::object& first, const json::object& second) -> std::optional<Difference> {
      for (const auto& member : first) {
        const auto here = fmt::format("{}.{}", path, std::string_view(member.key()));
        const auto *in_a = a.if_contains(member.key()), *in_b = b.if_contains(member.key());
        if (second.if_contains(member.key()) == nullptr) return differing(here, shown(in_a), shown(in_b));
        if (auto inner = compare(*in_a, *in_b, here)) return inner;
      }
      return std::nullopt;
    };
    if (auto found = side(a, b)) return found;
    return side(b, a);
  }
  return differing(path, shown(&recorded), shown(&got));
}

}  // namespace

Result<Cassette> parse_cassette(std::string_view text) {
  Cassette cassette;
  std::size_t number = 0;
  for (; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto wrong = [&](const Error& error) { return fail(ErrorCode::corrupt, "line {}: {}", number + 1, error.describe()); };
    if (end == std::string_view::npos) return fail(ErrorCode::corrupt, "line {}: it is cut off", number + 1);
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (number == 0) {
      auto note = read_header(line);
      if (!note) return wrong(note.error());
      cassette.note = *std::move(note);
      continue;
    }
    auto exchange = read_exchange(line);
    if (!exchange) return wrong(exchange.error());
    cassette.exchanges.push_back(*std::move(exchange));
  }
  if (number == 0) return fail(ErrorCode::corrupt, "the cassette is empty");
  return cassette;
}

std::string header_line(Time created, std::string_view note) {
  return json::serialize(json::object{{"format", kFormat}, {"version", kCassetteVersion}, {"created", to_rfc3339(created)}, {"note", note}}) + "\n";
}

std::string exchange_line(const RecordedExchange& exchange) {
  json::object headers;
  for (const auto& [name, value] : exchange.response.head.headers) headers[name] = value;
  json::array chunks;
  for (const auto& chunk : exchange.response.chunks) chunks.push_back(json::array{chunk.after_ms, chunk.text});
  const json::object line{{"request", exchange.request},
                          {"response", {{"status", exchange.response.head.status}, {"headers", std::move(headers)}, {"chunks", std::move(chunks)}}}};
  return json::serialize(line) + "\n";
}

Result<json::value> normal_request(std::string_view path, std::string_view body) {
  CORRAL_TRY(const auto value, parse_deep(body, "the request's body"));
  const std::string cwd(working_directory(value));
  json::object normal{{"path", path.substr(0, path.find('?'))}, {"model", find_string(value, {"model"})}, {"stream", find_bool(value, {"stream"})}};
  const auto* tools = find(value, {"tools"});
  normal["tools"] = tools != nullptr && tools->is_array() && !tools->get_array().empty();
  json::array messages;
  if (const auto* given = find(value, {"messages"}); given != nullptr && given->is_array())
    for (const auto& message : given->get_array()) {
      if (find_string(message, {"role"}) == "system") continue;  // the agent's notes on its surroundings
      if (auto one = normal_message(message, cwd); !one.is_null()) messages.push_back(std::move(one));
    }
  normal["messages"] = std::move(messages);
  return normal;
}

std::size_t turn_of(const json::value& normal) {
  std::size_t turns = 1;
  for (const auto& message : messages_of(normal))
    if (find_string(message, {"role"}) == "assistant") ++turns;
  return turns;
}

std::optional<Difference> first_difference(const json::value& recorded, const json::value& got) { return compare(recorded, got, "$"); }

std::size_t common_messages(const json::value& a, const json::value& b) {
  const auto &x = messages_of(a), &y = messages_of(b);
  std::size_t n = 0;
  while (n < x.size() && n < y.size() && x[n] == y[n]) ++n;
  return n;
}

}  // namespace corral::adapters::llm
