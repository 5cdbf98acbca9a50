#include "edge/http/router.h"

#include <algorithm>

#include "base/utf8.h"
#include "edge/http/negotiation.h"
#include "edge/http/request_parser.h"

namespace corral::edge {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  while (true) {
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    if (end == path.size()) return segments;
    path.remove_prefix(end + 1);
  }
}

bool is_placeholder(std::string_view segment) { return segment.starts_with('{'); }

std::string_view path_of(std::string_view target) {
  const auto scheme = target.find("://");
  if (!target.starts_with('/') && scheme != std::string_view::npos) {
    const auto slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

}  // namespace

Router::Router(std::span<const Route> routes, const Schemas& schemas)
    : routes_(routes), schemas_(schemas) {
  for (const auto& route : routes) {
    Entry entry{.route = &route, .segments = split(route.path), .parameter_schemas = {}};
    for (const auto& parameter : route.parameters) {
      entry.parameter_schemas.push_back(
          json::parse({parameter.schema.data(), parameter.schema.size()}));
      schemas.require_known(entry.parameter_schemas.back());
    }
    for (const auto segment : entry.segments)
      CORRAL_ASSERT(!is_placeholder(segment) ||
                    std::ranges::any_of(route.parameters, [&](const Parameter& parameter) {
                      return parameter.in == Parameter::In::path &&
                             parameter.name == segment.substr(1, segment.size() - 2);
                    }));
    CORRAL_ASSERT(route.body.empty() || schemas.components().contains(json::string_view(
                                            route.body.data(), route.body.size())));
    entries_.push_back(std::move(entry));
  }
}

Router::Match Router::find(std::string_view method, std::string_view target) const {
  const auto wanted = split(path_of(target));
  Match match;
  // Of two paths that fit, the one with fewer placeholders is meant (OpenAPI 3.1, path templating).
  std::size_t fewest = wanted.size() + 1;
  for (const auto& entry : entries_) {
    if (entry.segments.size() != wanted.size()) continue;
    std::map<std::string, std::string> params;
    bool fits = true;
    for (std::size_t i = 0; fits && i < wanted.size(); ++i) {
      const auto segment = entry.segments[i];
      if (!is_placeholder(segment)) {
        fits = segment == wanted[i];
      } else {
        std::string value;
        fits = percent_decode(wanted[i], value) && !value.empty();
        params[std::string(segment.substr(1, segment.size() - 2))] = std::move(value);
      }
    }
    if (!fits || params.size() > fewest) continue;
    if (params.size() < fewest) match = {};
    fewest = params.size();
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += entry.route->method;
    if (entry.route->method == "GET") match.allow += ", HEAD";
    if (entry.route->method == method || (entry.route->method == "GET" && method == "HEAD")) {
      match.route = entry.route;
      match.params = std::move(params);
    }
  }
  return match;
}

std::expected<void, Refusal> Router::check_parameters(const Route& route,
                                                      const Request& request) const {
  const auto declared = [&](Parameter::In in, std::string_view name) {
    return std::ranges::any_of(route.parameters,
                               [&](const Parameter& p) { return p.in == in && p.name == name; });
  };
  for (auto at = request.query.begin(); at != request.query.end(); ++at) {
    if (!declared(Parameter::In::query, at->first))
      return std::unexpected(Refusal{
          400, fmt::format("parameter \"{}\" is not known here", at->first.substr(0, 100))});
    if (std::any_of(request.query.begin(), at,
                    [&](const auto& earlier) { return earlier.first == at->first; }))
      return std::unexpected(
          Refusal{400, fmt::format("parameter \"{}\" is given twice", at->first)});
  }
  const auto& schemas = entry(route).parameter_schemas;
  for (std::size_t i = 0; i < route.parameters.size(); ++i) {
    const Parameter& parameter = route.parameters[i];
    const std::string name(parameter.name);
    std::optional<std::string> text;
    if (parameter.in == Parameter::In::path) text = request.params.at(name);
    if (parameter.in == Parameter::In::query) text = request.query_value(name);
    if (parameter.in == Parameter::In::header) {
      std::string lower = name;
      std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      });
      if (const auto field = request.headers.find(lower); field != request.headers.end())
        text = field->second;
    }
    if (!text) continue;
    if (auto value = schemas_.parse_parameter(*text, schemas[i], name); !value)
      // An address that cannot name anything names nothing.
      return std::unexpected(
          Refusal{parameter.in == Parameter::In::path ? 404 : 400, value.error().message});
  }
  return {};
}

std::expected<std::string_view, Refusal> Router::choose_reply(const Route& route,
                                                              const Request& request) const {
  std::vector<std::string_view> offered;
  for (const auto& reply : route.replies)
    if (!reply.media_type.empty()) offered.push_back(reply.media_type);
  const auto chosen = choose_media_type(request.header("accept"), offered);
  if (!offered.empty() && chosen.empty()) {
    std::string list;
    for (const auto type : offered) list += (list.empty() ? "" : ", ") + std::string(type);
    return std::unexpected(Refusal{406, fmt::format("this answers with {} only", list)});
  }
  return chosen;
}

std::expected<json::value, Refusal> Router::read_body(const Route& route,
                                                      const Request& request) const {
  if (route.upload_bytes > 0 && request.body.size() > route.upload_bytes)
    return std::unexpected(Refusal{413, fmt::format("the file has {} bytes; at most {} are taken",
                                                    request.body.size(), route.upload_bytes)});
  if (route.body.empty()) return json::object();
  if (request.body.empty() && !route.body_required) return json::object();
  const auto content_type = request.header("content-type");
  // Not guessed: forms of other sites can send text/plain, but not application/json.
  if (essence(content_type) != "application/json")
    return std::unexpected(Refusal{415, fmt::format("the body must be application/json{}{}",
                                                    content_type.empty() ? "" : ", not ",
                                                    to_valid_utf8(content_type.substr(0, 100)))});
  auto value = parse_json(request.body, "request body");
  if (!value) return std::unexpected(Refusal{400, value.error().message});
  const json::value& schema =
      schemas_.components().at(json::string_view(route.body.data(), route.body.size()));
  if (auto fits = schemas_.check(*value, schema, "request body"); !fits)
    return std::unexpected(Refusal{400, fits.error().message});
  return *std::move(value);
}

}  // namespace corral::edge
