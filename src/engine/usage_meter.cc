#include "engine/usage_meter.h"

#include <algorithm>

#include "base/json.h"

namespace corral::engine {
namespace {

constexpr std::size_t kMaxLineBytes = 1u << 20;
constexpr std::size_t kMaxJsonBytes = 16u << 20;
constexpr std::size_t kBytesPerToken = 4;

std::optional<json::value> parsed(std::string_view text) {
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = 256;
  json::value value = json::parse({text.data(), text.size()}, problem, {}, options);
  if (problem) return std::nullopt;
  return value;
}

// Figures are running totals: a later one replaces an earlier one, and one that is missing leaves
// it. What is absurd (negative, or more than any call can use) is not taken.
void take(UsageMeter::Usage& usage, const json::value& figures) {
  const auto one = [&](std::string_view name, std::int64_t& into) {
    const auto value = find_int(figures, {name}, -1);
    if (value >= 0 && value <= 1'000'000'000) into = std::max(into, value);
  };
  one("input_tokens", usage.input_tokens);
  one("cache_read_input_tokens", usage.cache_read_tokens);
  one("cache_creation_input_tokens", usage.cache_write_tokens);
  usage.seen = true;
}

}  // namespace

void UsageMeter::feed(std::string_view bytes) {
  if (form_ == Form::json) {
    if (skipping_ || pending_.size() + bytes.size() > kMaxJsonBytes) {
      skipping_ = true;
      pending_.clear();
      return;
    }
    pending_ += bytes;
    return;
  }
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (skipping_ || pending_.size() + piece.size() > kMaxLineBytes) {
      skipping_ = true;
      pending_.clear();
    } else {
      pending_ += piece;
    }
    if (end == std::string_view::npos) return;
    if (!skipping_) on_line(pending_);
    pending_.clear();
    skipping_ = false;
    bytes.remove_prefix(end + 1);
  }
}

void UsageMeter::finish() {
  if (form_ == Form::json && !skipping_) on_message(pending_);
  pending_.clear();
}

void UsageMeter::on_line(std::string_view line) {
  constexpr std::string_view kData = "data:";
  if (line.starts_with(kData)) on_event(line.substr(kData.size()));
}

void UsageMeter::on_event(std::string_view text) {
  const auto event = parsed(text);
  if (!event) return;
  const auto type = find_string(*event, {"type"});
  if (type == "message_start") {
    usage_.model = find_string(*event, {"message", "model"});
    if (const auto* figures = find(*event, {"message", "usage"})) take(usage_, *figures);
  } else if (type == "content_block_delta") {
    for (const std::string_view name : {"text", "thinking", "partial_json"})
      text_bytes_ += find_string(*event, {"delta", name}).size();
    if (!final_) usage_.output_tokens = static_cast<std::int64_t>(text_bytes_ / kBytesPerToken);
  } else if (type == "message_delta") {
    if (const auto* figures = find(*event, {"usage"})) {
      take(usage_, *figures);
      const auto output = find_int(*figures, {"output_tokens"}, -1);
      if (output >= 0 && output <= 1'000'000'000) {
        usage_.output_tokens = output;
        final_ = true;
      }
    }
  }
}

void UsageMeter::on_message(std::string_view text) {
  const auto message = parsed(text);
  if (!message) return;
  usage_.model = find_string(*message, {"model"});
  const auto* figures = find(*message, {"usage"});
  if (figures == nullptr) return;
  take(usage_, *figures);
  usage_.output_tokens =
      std::clamp<std::int64_t>(find_int(*figures, {"output_tokens"}), 0, 1'000'000'000);
}

}  // namespace corral::engine
