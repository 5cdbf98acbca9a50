#include <map>

#include "base/files.h"
#include "session/file_log.h"
#include "session/log_store.h"

namespace corral::session {
namespace {

// A path below the store's folder, and nowhere else.
Result<void> check_name(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= 200 && name.front() != '/' && name.back() != '/' &&
      !name.contains("..") && !name.contains("//") &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._/-") == std::string_view::npos;
  if (good) return {};
  return fail(ErrorCode::invalid,
              "'{}' is not a log's name: it is made of a-z, 0-9, '.', '_', '-' and '/'", name);
}

class FileLogStore final : public LogStore {
 public:
  FileLogStore(std::filesystem::path folder, BlockingPool& pool, std::uint64_t segment_bytes)
      : folder_(std::move(folder)), pool_(pool), segment_bytes_(segment_bytes) {}

  Task<Result<std::shared_ptr<Log>>> open(std::string name, Open mode) override {
    CORRAL_CO_CHECK(check_name(name));
    // One at a time, so that two who open the same log share it.
    const auto turn = co_await opening_.take();
    std::erase_if(logs_, [](const auto& item) { return item.second.expired(); });
    if (const auto found = logs_.find(name); found != logs_.end())
      if (auto log = found->second.lock()) co_return log;
    CORRAL_CO_TRY(auto files, co_await pool_.run([folder = folder_ / name, mode] {
      return open_log_files(folder, mode);
    }));
    auto log = std::make_shared<FileLog>(std::move(files), pool_, segment_bytes_);
    logs_[std::move(name)] = log;
    co_return log;
  }

  Task<Result<void>> remove(std::string prefix) override {
    CORRAL_CO_CHECK(check_name(prefix));
    const auto turn = co_await opening_.take();
    // Who still holds one of them keeps what is in memory; reads from files fail with not_found.
    std::erase_if(logs_, [&](const auto& item) {
      return item.first == prefix || item.first.starts_with(prefix + "/");
    });
    co_return co_await pool_.run([path = folder_ / prefix] { return remove_tree(path); });
  }

 private:
  const std::filesystem::path folder_;
  BlockingPool& pool_;
  const std::uint64_t segment_bytes_;
  std::map<std::string, std::weak_ptr<FileLog>> logs_;
  Turns opening_;
};

}  // namespace

std::unique_ptr<LogStore> make_file_log_store(std::filesystem::path folder, BlockingPool& pool,
                                              Executor, std::uint64_t segment_bytes) {
  return std::make_unique<FileLogStore>(std::move(folder), pool, segment_bytes);
}

}  // namespace corral::session
