#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "adapters/llm/cassette.h"
#include "adapters/llm/normal_request.h"
#include "adapters/llm/providers.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"

namespace corral::adapters::llm {
namespace {

using ports::LlmRequest;
using ports::LlmResponseHead;
using ports::LlmSink;

constexpr std::size_t kMaxRecordedBytes = 64u << 20;  // of one answer

// Passes an answer on and keeps it. Pieces of an event stream are kept as whole events, so that no
// chunk of the cassette begins or ends within a character.
class KeepingSink final : public LlmSink {
 public:
  KeepingSink(LlmSink& inner, Clock& clock) : inner_(inner), clock_(clock), last_(clock.now()) {}

  Task<Result<void>> head(LlmResponseHead head) override {
    response_.head = head;
    co_return co_await inner_.head(std::move(head));
  }

  Task<Result<void>> body(std::string bytes) override {
    size_ += bytes.size();
    if (size_ <= kMaxRecordedBytes) {
      pending_ += bytes;
      const auto end = pending_.rfind("\n\n");
      if (end != std::string::npos && is_stream()) keep(end + 2);
    }
    co_return co_await inner_.body(std::move(bytes));
  }

  // Nothing when the answer was too large to keep.
  std::optional<RecordedResponse> take() {
    if (size_ > kMaxRecordedBytes) return std::nullopt;
    if (!pending_.empty()) keep(pending_.size());
    return std::move(response_);
  }

 private:
  bool is_stream() const {
    const auto type = response_.head.headers.find("content-type");
    return type != response_.head.headers.end() && type->second.starts_with("text/event-stream");
  }
  void keep(std::size_t bytes) {
    const Time now = clock_.now();
    response_.chunks.push_back(
        {std::max<std::int64_t>(0, (now - last_).count()), pending_.substr(0, bytes)});
    pending_.erase(0, bytes);
    last_ = now;
  }

  LlmSink& inner_;
  Clock& clock_;
  Time last_;
  RecordedResponse response_;
  std::string pending_;
  std::size_t size_ = 0;
};

class RecordingProvider final : public ports::LlmProvider {
 public:
  RecordingProvider(std::unique_ptr<ports::LlmProvider> inner, std::filesystem::path path, Fd file,
                    BlockingPool& pool, Clock& clock)
      : inner_(std::move(inner)),
        path_(std::move(path)),
        file_(std::move(file)),
        pool_(pool),
        clock_(clock) {}

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override {
    auto normal = normal_request(request.path, request.body);
    KeepingSink keeping(sink, clock_);
    CORRAL_CO_CHECK(co_await inner_->exchange(std::move(request), keeping));
    auto response = keeping.take();
    if (!normal || !response) {
      log::warning("cassette.not_recorded",
                   {{"why", normal ? "the answer is larger than 64 MiB" : normal.error().message}});
      co_return Result<void>{};
    }
    // The answer has been passed on: what goes wrong from here must not fail the call.
    const std::string line = exchange_line({*std::move(normal), *std::move(response)});
    auto written = co_await pool_.run([this, line] { return append(line); });
    if (!written)
      log::error("cassette.write_failed",
                 {{"file", path_.string()}, {"why", written.error().describe()}});
    co_return Result<void>{};
  }

 private:
  // One write of a whole line at the end of the file: answers that end together do not mix.
  Result<void> append(const std::string& line) {
    const std::lock_guard lock(mutex_);
    CORRAL_CHECK(write_all(file_.get(), line));
    if (::fdatasync(file_.get()) != 0)
      return std::unexpected(errno_error(errno, "cannot sync the cassette"));
    return {};
  }

  std::unique_ptr<ports::LlmProvider> inner_;
  std::filesystem::path path_;
  std::mutex mutex_;  // of the file
  Fd file_;
  BlockingPool& pool_;
  Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<ports::LlmProvider>> make_recording_provider(
    std::unique_ptr<ports::LlmProvider> inner, std::filesystem::path file, std::string note,
    BlockingPool& pool, Clock& clock) {
  std::error_code ignored;
  std::uintmax_t keep = 0;
  if (std::filesystem::exists(file, ignored)) {
    auto text = read_file(file);
    if (!text)
      return wrap(text.error(), fmt::format("cannot continue the cassette {}", file.string()));
    text->resize(text->rfind('\n') + 1);  // a line that a crash cut off
    if (!text->empty())
      if (auto parsed = parse_cassette(*text); !parsed)
        return wrap(parsed.error(), fmt::format("cannot continue the cassette {}", file.string()));
    keep = text->size();
  }
  Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(keep)) != 0)
    return std::unexpected(
        errno_error(errno, fmt::format("cannot write the cassette {}", file.string())));
  if (keep == 0) {
    CORRAL_CHECK(write_all(fd.get(), header_line(clock.now(), note)));
  }
  return std::make_unique<RecordingProvider>(std::move(inner), std::move(file), std::move(fd), pool,
                                             clock);
}

}  // namespace corral::adapters::llm
