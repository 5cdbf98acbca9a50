#include <map>

#include "base/files.h"
#include "base/log.h"
#include "session/file_log.h"
#include "session/log_folder.h"
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

bool is_below(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

class FileLogStore final : public LogStore {
 public:
  FileLogStore(std::filesystem::path folder, BlockingPool& pool, std::uint64_t segment_bytes,
               Clock& clock)
      : folder_(std::move(folder)), pool_(pool), segment_bytes_(segment_bytes), clock_(clock) {}

  Task<Result<std::shared_ptr<Log>>> open(std::string name, Open mode) override {
    co_return co_await open_file_log(std::move(name), mode);
  }

  Task<Result<void>> remove(std::string prefix) override {
    CORRAL_CO_CHECK(check_name(prefix));
    const auto turn = co_await opening_.take();
    // Who still holds one of them keeps what is in memory; reads from files fail with not_found.
    std::erase_if(logs_, [&](const auto& item) { return is_below(item.first, prefix); });
    co_return co_await pool_.run([path = folder_ / prefix] { return remove_tree(path); });
  }

  Task<Result<std::vector<Kept>>> list() override {
    co_return co_await pool_.run([folder = folder_] { return list_logs(folder); });
  }

  Task<Result<void>> expire(std::string prefix, std::string why) override {
    CORRAL_CO_CHECK(check_name(prefix));
    const auto turn = co_await opening_.take();
    for (const auto& [name, log] : logs_)
      if (is_below(name, prefix) && !log.expired())
        co_return fail(ErrorCode::conflict, "the log {} is in use", name);
    co_return co_await pool_.run(
        [path = folder_ / prefix, why = std::move(why)] { return expire_logs(path, why); });
  }

  Task<Result<void>> kept(std::string prefix) override {
    CORRAL_CO_CHECK(check_name(prefix));
    co_return co_await pool_.run(
        [folder = folder_, path = folder_ / prefix] { return check_kept(folder, path); });
  }

  Task<Result<void>> compress(Duration idle) override {
    const auto turn = co_await compressing_.take();
    CORRAL_CO_TRY(const auto found, co_await pool_.run([folder = folder_, idle] {
      return find_uncompressed(folder, idle);
    }));
    for (const auto& [name, last] : found) {
      auto log = co_await open_file_log(name, Open::existing);
      const auto done = log ? co_await (*log)->compress(last) : std::unexpected(log.error());
      if (!done)
        log::warning("log.not_compressed", {{"log", name}, {"why", done.error().describe()}});
    }
    co_return Result<void>{};
  }

 private:
  Task<Result<std::shared_ptr<FileLog>>> open_file_log(std::string name, Open mode) {
    CORRAL_CO_CHECK(check_name(name));
    // One at a time, so that two who open the same log share it.
    const auto turn = co_await opening_.take();
    std::erase_if(logs_, [](const auto& item) { return item.second.expired(); });
    if (const auto found = logs_.find(name); found != logs_.end())
      if (auto log = found->second.lock()) co_return log;
    CORRAL_CO_TRY(auto files, co_await pool_.run([all = folder_, folder = folder_ / name,
                                                  mode]() -> Result<LogFiles> {
      CORRAL_CHECK(mode == Open::create ? forget_removal(all, folder) : check_kept(all, folder));
      return open_log_files(folder, mode);
    }));
    auto log = std::make_shared<FileLog>(std::move(files), pool_, segment_bytes_, clock_);
    logs_[std::move(name)] = log;
    co_return log;
  }

  const std::filesystem::path folder_;
  BlockingPool& pool_;
  const std::uint64_t segment_bytes_;
  Clock& clock_;
  std::map<std::string, std::weak_ptr<FileLog>> logs_;
  Turns opening_, compressing_;
};

}  // namespace

std::unique_ptr<LogStore> make_file_log_store(std::filesystem::path folder, BlockingPool& pool,
                                              Executor, std::uint64_t segment_bytes, Clock& clock) {
  return std::make_unique<FileLogStore>(std::move(folder), pool, segment_bytes, clock);
}

}  // namespace corral::session
