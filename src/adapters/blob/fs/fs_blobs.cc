#include "adapters/blob/fs/fs_blobs.h"

#include <cerrno>

#include <unistd.h>

#include "base/files.h"

namespace corral::adapters::blob {
namespace {

class FsBlobs final : public ports::Blobs {
 public:
  FsBlobs(std::filesystem::path folder, BlockingPool& pool)
      : folder_(std::move(folder)), pool_(pool) {}

  Task<Result<std::string>> put(std::string content) override {
    return pool_.run([folder = folder_, content = std::move(content)]() -> Result<std::string> {
      auto hash = ports::content_hash(content);
      const auto file = path_of(folder, hash);
      // Putting the right content again heals a file that a bad disk damaged.
      if (const auto there = read_file(file); there && *there == content) return hash;
      CORRAL_CHECK(make_directories(file.parent_path()));
      CORRAL_CHECK(write_file_atomically(file, content, 0400));
      CORRAL_CHECK(sync_folder(folder));
      return hash;
    });
  }

  Task<Result<std::string>> get(std::string hash) override {
    return pool_.run([folder = folder_, hash = std::move(hash)]() -> Result<std::string> {
      CORRAL_CHECK(ports::check_content_hash(hash));
      auto content = read_file(path_of(folder, hash));
      if (!content) return wrap(std::move(content).error(), "cannot read kept file " + hash);
      if (ports::content_hash(*content) != hash)
        return fail(ErrorCode::corrupt,
                    "kept file {} is damaged: its content no longer fits its hash",
                    path_of(folder, hash).string());
      return content;
    });
  }

  Task<Result<void>> remove(std::string hash) override {
    return pool_.run([folder = folder_, hash = std::move(hash)]() -> Result<void> {
      CORRAL_CHECK(ports::check_content_hash(hash));
      const auto file = path_of(folder, hash);
      if (::unlink(file.c_str()) != 0 && errno != ENOENT)
        return std::unexpected(errno_error(errno, "cannot remove " + file.string()));
      return {};
    });
  }

 private:
  static std::filesystem::path path_of(const std::filesystem::path& folder,
                                       const std::string& hash) {
    return folder / hash.substr(0, 2) / hash.substr(2);
  }

  const std::filesystem::path folder_;
  BlockingPool& pool_;
};

}  // namespace

std::unique_ptr<ports::Blobs> make_fs_blobs(std::filesystem::path folder, BlockingPool& pool) {
  return std::make_unique<FsBlobs>(std::move(folder), pool);
}

}  // namespace corral::adapters::blob
