#include "adapters/git/local_repository.h"

#include <cerrno>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace corral::adapters::git {
namespace {

// On the command line of the service, these win over the repository's own configuration.
constexpr std::string_view kHardening =
    "-c 'safe.directory=*' -c core.hooksPath=/dev/null -c core.fsmonitor=false -c "
    "core.alternateRefsCommand=true "
    "-c core.attributesFile=/dev/null -c gc.auto=0 -c maintenance.auto=false -c "
    "protocol.allow=never "
    "-c receive.autogc=false -c receive.updateServerInfo=false -c receive.denyCurrentBranch=refuse "
    "-c receive.denyNonFastForwards=false -c receive.shallowUpdate=true -c "
    "receive.fsckObjects=false "
    "-c core.fsync=committed,reference -c core.fsyncMethod=batch";

std::string as_user(uid_t uid, gid_t folder_group) {
  passwd entry{}, *found = nullptr;
  char buffer[16 * 1024];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return fmt::format("setpriv --reuid={} --regid={} --init-groups ", uid, found->pw_gid);
  return fmt::format("setpriv --reuid={} --regid={} --clear-groups ", uid, folder_group);
}

}  // namespace

Result<LocalRepository> inspect_local(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot open the repository " + path));
  if (!S_ISDIR(info.st_mode))
    return fail(ErrorCode::invalid,
                "repository '{}' is not a folder; give the folder of a git repository", path);
  return LocalRepository{path, info.st_uid};
}

bool closed_to_owner(const LocalRepository& repository) {
  struct stat info{};
  return ::geteuid() == 0 && repository.owner != 0 &&
         (::stat((repository.path + "/.git").c_str(), &info) == 0 ||
          ::stat((repository.path + "/HEAD").c_str(), &info) == 0);
}

std::string service_command(const LocalRepository& repository, Service service) {
  std::string command;
  if (::geteuid() == 0 && repository.owner != 0) {
    struct stat info{};
    const gid_t group =
        ::stat(repository.path.c_str(), &info) == 0 ? info.st_gid : repository.owner;
    command = as_user(repository.owner, group);
  }
  // Corral's configuration file is not readable for others: the service takes nothing from it.
  command += fmt::format(
      "env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_NO_LAZY_FETCH=1 git {} {}",
      kHardening, service == Service::upload_pack ? "upload-pack" : "receive-pack");
  return command;
}

}  // namespace corral::adapters::git
