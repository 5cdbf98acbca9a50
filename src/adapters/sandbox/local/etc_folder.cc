#include "adapters/sandbox/local/etc_folder.h"

#include <cerrno>
#include <functional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/sandbox/local/disk_usage.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "base/files.h"
#include "base/random.h"

namespace corral::adapters::sandbox {
namespace {

namespace fs = std::filesystem;

// Made here rather than shown from the host: they would tell about it, and hold nothing that a
// workspace needs.
struct MadeFile {
  const char* name;
  std::string_view content;
};
constexpr MadeFile kMadeFiles[] = {
    {"passwd",
     "root:x:0:0:root:/root:/usr/sbin/nologin\n"
     "agent:x:1000:1000:Agent:/home/agent:/bin/bash\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"},
    {"hosts", "127.0.0.1 localhost corral\n::1 localhost\n"},
    {"hostname", "corral\n"},
    {"nsswitch.conf",
     "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nprotocols: "
     "files\nservices: files\n"},
};
struct MadeLink {
  const char *name, *target;
};
constexpr MadeLink kMadeLinks[] = {{"os-release", "../usr/lib/os-release"},
                                   {"mtab", "../proc/self/mounts"}};

// What tools under /usr cannot do without. No npmrc, pip.conf, gitconfig, nothing of ssh: those may
// hold credentials.
constexpr const char* kCopied[] = {
    "ca-certificates",
    "ca-certificates.conf",
    "bash.bashrc",
    "debian_version",
    "fonts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "magic.mime",
    "maven",
    "mime.types",
    "perl",
    "pki",
    "protocols",
    "services",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
};
// Configuration of language versions: /etc/java-17-openjdk, /etc/python3.11.
constexpr std::string_view kCopiedPrefixes[] = {"java-", "python3"};
constexpr std::uintmax_t kMaxFileBytes = 16u << 20;

class Digest {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    value_ = (value_ ^ 0xff) * 1099511628211ull;
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  std::uint64_t value_ = 1469598103934665603ull;
};

using Visit = std::function<Result<void>(const fs::path& source, const std::string& name,
                                         const struct stat& info)>;

// Folders before what is in them, in a fixed order; only what everybody may read.
Result<void> walk(const fs::path& source, const std::string& name, const Visit& visit) {
  struct stat info{};
  if (::lstat(source.c_str(), &info) != 0) return {};
  if (S_ISLNK(info.st_mode)) return visit(source, name, info);
  if (S_ISREG(info.st_mode))
    return (info.st_mode & S_IROTH) != 0 &&
                   static_cast<std::uintmax_t>(info.st_size) <= kMaxFileBytes
               ? visit(source, name, info)
               : Result<void>{};
  if (!S_ISDIR(info.st_mode) || (info.st_mode & S_IXOTH) == 0) return {};
  CORRAL_CHECK(visit(source, name, info));
  std::vector<std::string> entries;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(source, error))
    entries.push_back(entry.path().filename().string());
  std::ranges::sort(entries);
  for (const auto& entry : entries) CORRAL_CHECK(walk(source / entry, name + "/" + entry, visit));
  return {};
}

std::vector<std::string> wanted_names() {
  std::vector<std::string> names(std::begin(kCopied), std::end(kCopied));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/etc", error))
    for (const auto prefix : kCopiedPrefixes)
      if (const auto name = entry.path().filename().string(); name.starts_with(prefix))
        names.push_back(name);
  std::ranges::sort(names);
  return names;
}

Result<void> write_public(const fs::path& path, std::string_view content) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return std::unexpected(errno_error(errno, "cannot make " + path.string()));
  ::fchmod(fd.get(), 0644);
  return write_all(fd.get(), content);
}

Result<void> make_public_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return std::unexpected(errno_error(errno, "cannot make " + path.string()));
  ::chmod(path.c_str(), 0755);
  return {};
}

Result<void> copy_into(const fs::path& target, const std::vector<std::string>& names) {
  const Visit copy = [&](const fs::path& source, const std::string& name,
                         const struct stat& info) -> Result<void> {
    const auto to = target / name;
    std::error_code error;
    if (S_ISDIR(info.st_mode)) return make_public_folder(to);
    if (S_ISLNK(info.st_mode)) {
      fs::copy_symlink(source, to, error);
      return error ? std::unexpected(errno_error(error.value(), "cannot make " + to.string()))
                   : Result<void>{};
    }
    CORRAL_TRY(const auto content, read_file(source, kMaxFileBytes));
    return write_public(to, content);
  };
  CORRAL_CHECK(make_public_folder(target));
  CORRAL_CHECK(make_public_folder(target / "ssl"));
  for (const char* place : kEtcMounts) CORRAL_CHECK(make_public_folder(target / place));
  for (const auto& name : names) CORRAL_CHECK(walk(fs::path("/etc") / name, name, copy));
  for (const auto& file : kMadeFiles) CORRAL_CHECK(write_public(target / file.name, file.content));
  for (const auto& link : kMadeLinks)
    if (::symlink(link.target, (target / link.name).c_str()) != 0)
      return std::unexpected(errno_error(errno, std::string("cannot link ") + link.name));
  return {};
}

// Size and time of change stand for the content of the host's files.
std::string digest_of(const std::vector<std::string>& names) {
  Digest digest;
  const Visit note = [&](const fs::path&, const std::string& name,
                         const struct stat& info) -> Result<void> {
    digest.add(fmt::format("{} {} {} {}.{}", name, info.st_mode, info.st_size, info.st_mtim.tv_sec,
                           info.st_mtim.tv_nsec));
    return {};
  };
  for (const auto& name : names)
    if (const auto walked = walk(fs::path("/etc") / name, name, note); !walked)
      digest.add(walked.error().message);
  for (const auto& file : kMadeFiles)
    digest.add(std::string(file.name) + "=" + std::string(file.content));
  for (const auto& link : kMadeLinks) digest.add(std::string(link.name) + "=" + link.target);
  return digest.text();
}

}  // namespace

Result<std::string> make_etc_folder(const fs::path& parent) {
  const auto names = wanted_names();
  const auto target = parent / ("etc-" + digest_of(names));
  if (::access(target.c_str(), F_OK) == 0) return target.string();
  CORRAL_CHECK(make_directories(parent, 0700));
  const auto temporary = parent / ("new-" + SystemRandom::instance().hex(8));
  auto made = copy_into(temporary, names);
  // Somebody else may have been faster: theirs is the same.
  if (made && ::rename(temporary.c_str(), target.c_str()) != 0 &&
      ::access(target.c_str(), F_OK) != 0)
    made = std::unexpected(errno_error(errno, "cannot make " + target.string()));
  CORRAL_CHECK(remove_hostile_tree(temporary));
  if (!made) return std::unexpected(made.error());
  return target.string();
}

}  // namespace corral::adapters::sandbox
