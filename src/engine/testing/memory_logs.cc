#include "engine/testing/memory_logs.h"

#include <algorithm>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::engine::testing {
namespace {

Task<void> yield() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }

// Two lines that differ only in the first 24 bytes after {"time":" are the same entry, made at
// another time.
std::string without_times(std::string text) {
  constexpr std::string_view kStart = "{\"time\":\"";
  for (auto at = text.find(kStart); at != std::string::npos; at = text.find(kStart, at + 1))
    for (std::size_t i = 0; i < 24 && at + kStart.size() + i < text.size(); ++i)
      text[at + kStart.size() + i] = '.';
  return text;
}

class MemoryLog final : public session::Log {
 public:
  MemoryLog(MemoryLogs& logs, std::string name, std::shared_ptr<MemoryLogs::Content> content)
      : logs_(logs), name_(std::move(name)), content_(std::move(content)) {}

  Task<Result<void>> append(std::string source, std::uint64_t source_offset,
                            std::string bytes) override {
    co_await yield();
    if (logs_.faults)
      if (auto error = logs_.faults()) co_return std::unexpected(*std::move(error));
    auto& have = content_->sources[source];
    if (source_offset > have.size())
      co_return fail(ErrorCode::invalid, "{}: a gap in {} at {}", name_, source, have.size());
    const auto known = std::min<std::uint64_t>(have.size() - source_offset, bytes.size());
    if (without_times(have.substr(0, source_offset + known)) !=
        without_times(have.substr(0, source_offset) + bytes.substr(0, known)))
      logs_.mismatches.push_back(
          fmt::format("{}, {} at {}: {}", name_, source, source_offset, bytes));
    have += bytes.substr(known);
    content_->bytes += bytes.substr(known);
    co_await yield();
    co_return Result<void>{};
  }
  std::uint64_t source_end(const std::string& source) const override {
    const auto at = content_->sources.find(source);
    return at == content_->sources.end() ? 0 : at->second.size();
  }
  std::uint64_t end() const override { return content_->bytes.size(); }
  bool closed() const override { return false; }
  Task<Result<void>> close() override { co_return Result<void>{}; }
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override {
    co_await yield();
    if (offset > end()) co_return fail(ErrorCode::invalid, "{} ends at {}", name_, end());
    co_return content_->bytes.substr(offset, max_bytes);
  }
  std::optional<Time> time_of(std::uint64_t) const override { return std::nullopt; }
  Task<void> wait_beyond(std::uint64_t offset, Duration) override {
    while (end() <= offset) co_await yield();
  }

 private:
  MemoryLogs& logs_;
  std::string name_;
  std::shared_ptr<MemoryLogs::Content> content_;
};

}  // namespace

Task<Result<std::shared_ptr<session::Log>>> MemoryLogs::open(std::string name, Open mode) {
  co_await yield();
  for (const auto& [prefix, why] : std::map(expired)) {
    if (!name.starts_with(prefix + "/")) continue;
    if (mode == Open::existing) co_return fail(ErrorCode::not_found, "{}", why);
    expired.erase(prefix);
  }
  if (mode == Open::existing && !logs.contains(name))
    co_return fail(ErrorCode::not_found, "there is no log {}", name);
  auto& content = logs[name];
  if (!content) content = std::make_shared<Content>();
  co_return std::make_shared<MemoryLog>(*this, name, content);
}

Task<Result<std::vector<MemoryLogs::Kept>>> MemoryLogs::list() {
  co_await yield();
  std::map<std::string, std::uint64_t> found;
  for (const auto& [name, content] : logs)
    found[name.substr(0, name.find('/', name.find('/') + 1))] += content->bytes.size();
  std::vector<Kept> all;
  for (const auto& [name, bytes] : found) all.push_back({name, bytes});
  co_return all;
}

Task<Result<void>> MemoryLogs::expire(std::string prefix, std::string why) {
  co_await yield();
  if (in_use.contains(prefix)) co_return fail(ErrorCode::conflict, "{} is in use", prefix);
  expired[prefix] = std::move(why);
  std::erase_if(logs, [&](const auto& item) { return item.first.starts_with(prefix + "/"); });
  co_return Result<void>{};
}

Task<Result<void>> MemoryLogs::kept(std::string prefix) {
  co_await yield();
  const auto found = expired.find(prefix);
  if (found == expired.end()) co_return Result<void>{};
  co_return fail(ErrorCode::not_found, "{}", found->second);
}

Task<Result<void>> MemoryLogs::compress(Duration) {
  ++compressed;
  co_return Result<void>{};
}

Task<Result<void>> MemoryLogs::remove(std::string prefix) {
  std::erase_if(logs, [&](const auto& log) { return log.first.starts_with(prefix); });
  co_return Result<void>{};
}

std::string MemoryLogs::text(const std::string& name) const {
  const auto at = logs.find(name);
  return at == logs.end() || !at->second ? "" : at->second->bytes;
}

}  // namespace corral::engine::testing
