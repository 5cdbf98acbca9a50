#include "adapters/llm/normal_request.h"

#include <algorithm>

#include "adapters/llm/normal_messages.h"

namespace corral::adapters::llm {
namespace {

constexpr int kMaxDepth = 128;  // a tool's input is as deep as the model makes it

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
    for (const std::string_view name :
         {"system", "messages", "content", "text", "input", "contents", "parts"})
      if (const auto* inner = find(value, {name}))
        if (const auto found = working_directory(*inner); !found.empty()) return found;
  return {};
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
  const auto within = [&](std::size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  std::size_t start = at > kContext / 2 ? at - kContext / 2 : 0;
  while (start > 0 && within(start)) --start;
  std::size_t end = std::min(text.size(), start + kContext);
  while (within(end)) ++end;
  return fmt::format("{}{}{}", start > 0 ? "…" : "", text.substr(start, end - start),
                     end < text.size() ? "…" : "");
}

Difference differing(std::string path, std::string_view recorded, std::string_view got) {
  std::size_t at = 0;
  while (at < recorded.size() && at < got.size() && recorded[at] == got[at]) ++at;
  return {std::move(path), excerpt(recorded, at), excerpt(got, at)};
}

std::string shown(const json::value* value) {
  return value == nullptr ? "nothing" : json::serialize(*value);
}

std::optional<Difference> compare(const json::value& recorded, const json::value& got,
                                  const std::string& path) {
  if (recorded == got) return std::nullopt;
  if (recorded.is_string() && got.is_string())
    return differing(path, recorded.get_string(), got.get_string());
  if (recorded.is_array() && got.is_array()) {
    const auto &a = recorded.get_array(), &b = got.get_array();
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const auto here = fmt::format("{}[{}]", path, i);
      if (i >= a.size() || i >= b.size())
        return differing(here, shown(i < a.size() ? &a[i] : nullptr),
                         shown(i < b.size() ? &b[i] : nullptr));
      if (auto inner = compare(a[i], b[i], here)) return inner;
    }
  }
  if (recorded.is_object() && got.is_object()) {
    const auto &a = recorded.get_object(), &b = got.get_object();
    const auto side = [&](const json::object& first,
                          const json::object& second) -> std::optional<Difference> {
      for (const auto& member : first) {
        const auto here = fmt::format("{}.{}", path, std::string_view(member.key()));
        const auto *in_a = a.if_contains(member.key()), *in_b = b.if_contains(member.key());
        if (second.if_contains(member.key()) == nullptr)
          return differing(here, shown(in_a), shown(in_b));
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

Result<json::value> parse_deep_json(std::string_view text, std::string_view what) {
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::value value = json::parse({text.data(), text.size()}, problem, {}, options);
  if (problem) return fail(ErrorCode::invalid, "{} is not valid JSON: {}", what, problem.message());
  return value;
}

Result<json::value> normal_request(std::string_view path, std::string_view body) {
  CORRAL_TRY(const auto value, parse_deep_json(body, "the request's body"));
  const std::string cwd(working_directory(value));
  const auto route = ports::llm_route(path);
  const bool named = route && !route->model.empty();
  json::object normal{{"path", path.substr(0, path.find('?'))},
                      {"model", named ? route->model : find_string(value, {"model"})},
                      {"stream", find_bool(value, {"stream"}) || (route && route->streams)}};
  const auto* tools = find(value, {"tools"});
  normal["tools"] = tools != nullptr && tools->is_array() && !tools->get_array().empty();
  normal["messages"] = normal_messages(ports::api_of(path), value, cwd);
  order_parallel_results(normal);
  return normal;
}

void order_parallel_results(json::object& normal) {
  auto* messages = normal.if_contains("messages");
  if (messages == nullptr || !messages->is_array()) return;
  for (auto& message : messages->get_array()) {
    auto* content = message.is_object() ? message.get_object().if_contains("content") : nullptr;
    if (content == nullptr || !content->is_array()) continue;
    std::vector<json::value*> places;
    std::vector<json::value> results;
    for (auto& block : content->get_array())
      if (find(block, {"tool_result"}) != nullptr) {
        places.push_back(&block);
        results.push_back(block);
      }
    std::ranges::sort(results, {},
                      [](const json::value& result) { return json::serialize(result); });
    for (std::size_t i = 0; i < places.size(); ++i) *places[i] = std::move(results[i]);
  }
}

std::size_t turn_of(const json::value& normal) {
  std::size_t turns = 1;
  for (const auto& message : messages_of(normal))
    if (find_string(message, {"role"}) == "assistant") ++turns;
  return turns;
}

std::optional<Difference> first_difference(const json::value& recorded, const json::value& got) {
  return compare(recorded, got, "$");
}

std::size_t common_messages(const json::value& a, const json::value& b) {
  const auto &x = messages_of(a), &y = messages_of(b);
  std::size_t n = 0;
  while (n < x.size() && n < y.size() && x[n] == y[n]) ++n;
  return n;
}

}  // namespace corral::adapters::llm
