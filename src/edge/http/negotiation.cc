#include "edge/http/negotiation.h"

#include <algorithm>
#include <cstdlib>
#include <functional>

#include <fmt/format.h>

namespace corral::edge {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return result;
}

// Takes the next part of a list off `rest`.
std::string_view next(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

struct Choice {
  std::string name;
  double quality = 1;
};

std::vector<Choice> choices(std::string_view list) {
  std::vector<Choice> result;
  while (!list.empty()) {
    auto entry = next(list, ',');
    if (entry.empty()) continue;
    Choice choice{.name = lower(next(entry, ';'))};
    while (!entry.empty()) {
      const std::string parameter = lower(next(entry, ';'));
      if (parameter.starts_with("q="))
        choice.quality = std::clamp(std::strtod(parameter.c_str() + 2, nullptr), 0.0, 1.0);
    }
    result.push_back(std::move(choice));
  }
  return result;
}

// The quality that the most specific matching entry gives.
double quality_of(std::string_view type, const std::vector<Choice>& accepted) {
  int best = -1;
  double quality = 0;
  const auto main_type = type.substr(0, type.find('/'));
  for (const auto& choice : accepted) {
    const int specificity = choice.name == type                            ? 2
                            : choice.name == std::string(main_type) + "/*" ? 1
                            : choice.name == "*/*" || choice.name == "*"   ? 0
                                                                           : -1;
    if (specificity > best) {
      best = specificity;
      quality = choice.quality;
    }
  }
  return quality;
}

}  // namespace

std::string essence(std::string_view content_type) {
  return lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::string_view choose_media_type(std::string_view accept,
                                   const std::vector<std::string_view>& offered) {
  if (offered.empty()) return {};
  if (trim(accept).empty() || accept == "*/*") return offered.front();
  const auto accepted = choices(accept);
  std::string_view chosen;
  double best = 0;
  for (const auto type : offered) {
    const double quality = type == "*/*" ? 1 : quality_of(essence(type), accepted);
    if (quality > best) {
      best = quality;
      chosen = type;
    }
  }
  return chosen;
}

bool accepts_encoding(std::string_view accept_encoding, std::string_view coding) {
  double any = 0;
  for (const auto& choice : choices(accept_encoding)) {
    if (choice.name == coding) return choice.quality > 0;
    if (choice.name == "*") any = choice.quality;
  }
  return any > 0;
}

std::string etag_of(std::string_view content) {
  return fmt::format("\"{:016x}-{:x}\"", std::hash<std::string_view>{}(content), content.size());
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    auto candidate = next(if_none_match, ',');
    if (candidate == "*") return true;
    if (candidate.starts_with("W/")) candidate.remove_prefix(2);
    if (!candidate.empty() && candidate == etag) return true;
  }
  return false;
}

}  // namespace corral::edge
