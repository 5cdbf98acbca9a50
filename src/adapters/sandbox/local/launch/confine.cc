#include "adapters/sandbox/local/launch/confine.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapters/sandbox/local/launch/launch.h"
#include "base/fd.h"
#include "base/json.h"

namespace corral::adapters::sandbox {
namespace {

// linux/landlock.h of Debian 12 ends at ABI 2.
constexpr std::uint64_t kFsTruncate = 1ull << 14;  // ABI 3
constexpr std::uint64_t kFsIoctlDev = 1ull << 15;  // ABI 5
constexpr std::uint64_t kNetBindTcp = 1ull << 0;   // ABI 4
constexpr std::uint64_t kNetConnectTcp = 1ull << 1;
constexpr std::uint64_t kScopeAbstractUnix = 1ull << 0;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1ull << 1;
constexpr int kRuleNetPort = 2;
struct RulesetAttributes {
  std::uint64_t handled_fs, handled_net, scoped;
};
struct NetPortAttributes {
  std::uint64_t allowed, port;
};

constexpr std::uint64_t kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t kMakeDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
// What a rule on something that is no folder may name.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
                                   LANDLOCK_ACCESS_FS_WRITE_FILE | kFsTruncate | kFsIoctlDev;

struct Handled {
  std::uint64_t fs, net, scoped;
};

Handled handled_by(int abi) {
  Handled handled{kRead | kWrite | kMakeDevices, 0, 0};
  if (abi >= 2) handled.fs |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) handled.fs |= kFsTruncate;
  if (abi >= 4) handled.net = kNetBindTcp | kNetConnectTcp;
  if (abi >= 5) handled.fs |= kFsIoctlDev;
  if (abi >= 6) handled.scoped = kScopeAbstractUnix | kScopeSignal;
  return handled;
}

Result<void> allow_path(int ruleset, const std::string& path, std::uint64_t access) {
  const Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == EACCES)) return {};  // nothing there to allow
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot open " + path));
  if (!S_ISDIR(info.st_mode)) access &= kOfFiles;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return std::unexpected(errno_error(errno, "cannot add a Landlock rule for " + path));
  return {};
}

Result<void> apply_landlock(const Confinement& confinement) {
  const int abi = landlock_abi();
  if (abi == 0) return fail(ErrorCode::unsupported, "this kernel has no Landlock");
  const auto handled = handled_by(abi);
  const RulesetAttributes attributes{handled.fs, handled.net, handled.scoped};
  const std::size_t size = abi >= 6 ? sizeof attributes : abi >= 4 ? 16 : 8;
  const Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) return std::unexpected(errno_error(errno, "cannot make a Landlock ruleset"));
  const auto writable = (kRead | kWrite | LANDLOCK_ACCESS_FS_REFER | kFsTruncate) & handled.fs;
  const auto device = (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kFsTruncate |
                       kFsIoctlDev | LANDLOCK_ACCESS_FS_READ_DIR) &
                      handled.fs;
  for (const auto& path : confinement.readable)
    CORRAL_CHECK(allow_path(ruleset.get(), path, kRead));
  for (const auto& path : confinement.writable)
    CORRAL_CHECK(allow_path(ruleset.get(), path, writable));
  for (const auto& path : confinement.devices)
    CORRAL_CHECK(allow_path(ruleset.get(), path, device));
  if (handled.net != 0) {
    for (const auto port : confinement.ports) {
      const NetPortAttributes rule{kNetConnectTcp, port};
      if (::syscall(SYS_landlock_add_rule, ruleset.get(), kRuleNetPort, &rule, 0) != 0)
        return std::unexpected(errno_error(errno, "cannot add a Landlock rule for a port"));
    }
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return std::unexpected(errno_error(errno, "cannot apply Landlock"));
  return {};
}

Result<void> apply_filter(std::string filter) {
  if (filter.empty() || filter.size() % sizeof(sock_filter) != 0)
    return fail(ErrorCode::invalid, "the seccomp filter has a wrong size");
  sock_fprog program{static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
                     reinterpret_cast<sock_filter*>(filter.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return std::unexpected(errno_error(errno, "cannot apply the seccomp filter"));
  return {};
}

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

Result<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    const int high = digit(text[at]), low = digit(text[at + 1]);
    if (high < 0 || low < 0)
      return fail(ErrorCode::invalid, "confinement: \"filter\" is not hexadecimal");
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

}  // namespace

int landlock_abi() {
  const auto abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Result<void> confine(const Confinement& confinement) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(errno_error(errno, "cannot set no_new_privs"));
  CORRAL_CHECK(apply_landlock(confinement));
  return apply_filter(confinement.filter);
}

std::string to_json_text(const Confinement& confinement) {
  return json::serialize(json::object{{"readable", json::value_from(confinement.readable)},
                                      {"writable", json::value_from(confinement.writable)},
                                      {"devices", json::value_from(confinement.devices)},
                                      {"ports", json::value_from(confinement.ports)},
                                      {"filter", to_hex(confinement.filter)}});
}

Result<Confinement> parse_confinement(std::string_view text) {
  CORRAL_TRY(const auto value, parse_json(text, "confinement"));
  CORRAL_TRY(auto reader, JsonReader::of(value, "confinement"));
  Confinement confinement;
  const auto take = [](auto& into,
                       Result<std::optional<std::vector<std::string>>> from) -> Result<void> {
    if (!from) return std::unexpected(std::move(from).error());
    if (*from) into = **std::move(from);
    return {};
  };
  CORRAL_CHECK(take(confinement.readable, reader.optional_strings("readable")));
  CORRAL_CHECK(take(confinement.writable, reader.optional_strings("writable")));
  CORRAL_CHECK(take(confinement.devices, reader.optional_strings("devices")));
  if (const auto* ports = reader.optional_value("ports")) {
    if (!ports->is_array())
      return fail(ErrorCode::invalid, "confinement: \"ports\" must be an array");
    for (const auto& port : ports->get_array()) {
      if (!port.is_int64() || port.get_int64() < 1 || port.get_int64() > 65535)
        return fail(ErrorCode::invalid, "confinement: a port is out of range");
      confinement.ports.push_back(static_cast<std::uint16_t>(port.get_int64()));
    }
  }
  CORRAL_TRY(const auto filter, reader.string("filter"));
  CORRAL_TRY(confinement.filter, from_hex(filter));
  CORRAL_CHECK(reader.finish());
  return confinement;
}

int confine_main(int argc, char** argv) {
  const auto confined = [&]() -> Result<void> {
    if (argc < 2)
      return fail(ErrorCode::invalid,
                  "usage: corral-runner launch confine JSON PROGRAM [ARGUMENT…]");
    CORRAL_TRY(const auto confinement, parse_confinement(argv[0]));
    CORRAL_CHECK(confine(confinement));
    ::execvp(argv[1], argv + 1);
    return std::unexpected(errno_error(errno, std::string("cannot start ") + argv[1]));
  }();
  std::fprintf(stderr, "corral-runner: %s\n", confined.error().describe().c_str());
  return confined.error().code == ErrorCode::not_found ? 127 : 126;
}

}  // namespace corral::adapters::sandbox
