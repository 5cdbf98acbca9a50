#include "engine/usage_meter.h"

#include <optional>

#include "base/json.h"

namespace corral::engine {
namespace {

// The last event of an OpenAI answer repeats the whole of it, with the figures at its end.
constexpr std::size_t kMaxLineBytes = 8u << 20;
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
  if (form_ == Form::json && !skipping_) take(pending_);
  pending_.clear();
}

void UsageMeter::on_line(std::string_view line) {
  constexpr std::string_view kData = "data:";
  if (line.starts_with(kData)) take(line.substr(kData.size()));
}

void UsageMeter::take(std::string_view text) {
  const auto value = parsed(text);
  if (!value) return;
  read_usage(api_, *value, reading_);
  if (!reading_.final)
    reading_.usage.output_tokens = static_cast<std::int64_t>(reading_.text_bytes / kBytesPerToken);
}

}  // namespace corral::engine
