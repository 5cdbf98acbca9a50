#include "adapters/llm/cassette.h"

#include "adapters/llm/normal_request.h"

namespace corral::adapters::llm {
namespace {

constexpr std::string_view kFormat = "corral-cassette";

Result<RecordedResponse> read_response(const json::value& value) {
  RecordedResponse response;
  CORRAL_TRY(auto reader, JsonReader::of(value, "\"response\""));
  CORRAL_TRY(const auto status, reader.optional_int("status"));
  if (!status || *status < 200 || *status > 599)
    return fail(ErrorCode::invalid, "\"response\" has no \"status\" from 200 to 599");
  response.head.status = static_cast<int>(*status);
  const auto* headers = reader.optional_value("headers");
  if (headers == nullptr || !headers->is_object())
    return fail(ErrorCode::invalid, "\"response\" has no \"headers\"");
  for (const auto& header : headers->get_object()) {
    if (!header.value().is_string())
      return fail(ErrorCode::invalid, "the header \"{}\" is not a string",
                  std::string_view(header.key()));
    response.head.headers[std::string(header.key())] = std::string(header.value().get_string());
  }
  const auto* chunks = reader.optional_value("chunks");
  if (chunks == nullptr || !chunks->is_array())
    return fail(ErrorCode::invalid, "\"response\" has no \"chunks\"");
  for (const auto& chunk : chunks->get_array()) {
    const auto* pair = chunk.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_int64() ||
        (*pair)[0].get_int64() < 0 || !(*pair)[1].is_string())
      return fail(ErrorCode::invalid, "a chunk is not [milliseconds, text]");
    response.chunks.push_back({(*pair)[0].get_int64(), std::string((*pair)[1].get_string())});
  }
  CORRAL_CHECK(reader.finish());
  return response;
}

Result<RecordedExchange> read_exchange(std::string_view line) {
  CORRAL_TRY(const auto value, parse_deep_json(line, "the line"));
  CORRAL_TRY(auto reader, JsonReader::of(value, "the line"));
  const auto* request = reader.optional_value("request");
  if (request == nullptr || !request->is_object() || find_string(*request, {"path"}).empty())
    return fail(ErrorCode::invalid, "no \"request\" with a \"path\"");
  const auto* response = reader.optional_value("response");
  if (response == nullptr) return fail(ErrorCode::invalid, "no \"response\"");
  CORRAL_TRY(auto recorded, read_response(*response));
  CORRAL_CHECK(reader.finish());
  json::object ordered = request->get_object();
  order_parallel_results(ordered);
  return RecordedExchange{std::move(ordered), std::move(recorded)};
}

Result<std::string> read_header(std::string_view line) {
  const auto value = parse_deep_json(line, "the line");
  if (!value || find_string(*value, {"format"}) != kFormat)
    return fail(ErrorCode::invalid, "it is not a cassette: the first line must be its header");
  if (const auto version = find_int(*value, {"version"}); version != kCassetteVersion)
    return fail(ErrorCode::unsupported, "it is of version {}, and this program reads version {}",
                version, kCassetteVersion);
  return std::string(find_string(*value, {"note"}));
}

}  // namespace

Result<Cassette> parse_cassette(std::string_view text) {
  Cassette cassette;
  std::size_t number = 0;
  for (; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto wrong = [&](const Error& error) {
      return fail(ErrorCode::corrupt, "line {}: {}", number + 1, error.describe());
    };
    if (end == std::string_view::npos)
      return fail(ErrorCode::corrupt, "line {}: it is cut off", number + 1);
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
  return json::serialize(json::object{{"format", kFormat},
                                      {"version", kCassetteVersion},
                                      {"created", to_rfc3339(created)},
                                      {"note", note}}) +
         "\n";
}

std::string exchange_line(const RecordedExchange& exchange) {
  json::object headers;
  for (const auto& [name, value] : exchange.response.head.headers) headers[name] = value;
  json::array chunks;
  for (const auto& chunk : exchange.response.chunks)
    chunks.push_back(json::array{chunk.after_ms, chunk.text});
  const json::object line{{"request", exchange.request},
                          {"response",
                           {{"status", exchange.response.head.status},
                            {"headers", std::move(headers)},
                            {"chunks", std::move(chunks)}}}};
  return json::serialize(line) + "\n";
}

}  // namespace corral::adapters::llm
