#include "adapters/sandbox/local/launch/view.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace corral::adapters::sandbox {
namespace {

constexpr const char* kScratch = "/tmp";

Result<Fd> open_path(const std::string& path, int flags) {
  Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC | flags));
  if (!fd) return std::unexpected(errno_error(errno, "cannot open " + path));
  return fd;
}

// A mount of `folder` alone, attached nowhere. Not owned by any namespace, so nothing of it is left
// behind.
Fd detached(int folder) {
  Fd tree(static_cast<int>(
      ::syscall(SYS_open_tree, folder, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return tree;
  struct {
    std::uint64_t set, clear, propagation, user_namespace;
  } attributes{MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW, 0,
               0, 0};
  // An older kernel refuses; the mount is as good without.
  ::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return Fd(::openat(tree.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// A message of one byte, with room for two descriptors.
struct DescriptorMessage {
  DescriptorMessage() {
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  DescriptorMessage(const DescriptorMessage&) = delete;
  DescriptorMessage& operator=(const DescriptorMessage&) = delete;

  char byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
};

bool send_descriptors(int socket, const int (&fds)[2]) {
  DescriptorMessage carrier;
  auto* header = CMSG_FIRSTHDR(&carrier.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::memcpy(CMSG_DATA(header), fds, sizeof fds);
  return ::sendmsg(socket, &carrier.message, 0) == 1;
}

bool receive_descriptors(int socket, int (&fds)[2]) {
  DescriptorMessage carrier;
  if (::recvmsg(socket, &carrier.message, MSG_CMSG_CLOEXEC) != 1) return false;
  const auto* header = CMSG_FIRSTHDR(&carrier.message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof fds))
    return false;
  std::memcpy(fds, CMSG_DATA(header), sizeof fds);
  return true;
}

// Without root, a child in a user namespace of its own makes the detached mounts and hands them
// over.
void detach_with_helper(const LaunchSpec& spec, Fd& door, Fd& spool) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return;
  Fd ours(pair[0]), theirs(pair[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
      // Opened again: the descriptors from before belong to the old mount namespace, of which
      // nothing may be cloned here.
      if (const auto again = make_plain_view(spec)) {
        const Fd own_door = detached(again->door.get()), own_spool = detached(again->spool.get());
        if (own_door && own_spool)
          send_descriptors(theirs.get(), {own_door.get(), own_spool.get()});
      }
    }
    ::_exit(0);
  }
  theirs.reset();
  if (child < 0) return;
  int fds[2];
  if (receive_descriptors(ours.get(), fds)) {
    door.reset(fds[0]);
    spool.reset(fds[1]);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<void> bind_at(int source, const std::string& target, unsigned long recursive) {
  struct stat info{};
  if (::fstat(source, &info) != 0)
    return std::unexpected(errno_error(errno, "cannot look at what becomes " + target));
  if (S_ISDIR(info.st_mode)) {
    if (::mkdir(target.c_str(), 0755) != 0)
      return std::unexpected(errno_error(errno, "cannot make " + target));
  } else {
    const Fd file(::open(target.c_str(), O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0644));
    if (!file) return std::unexpected(errno_error(errno, "cannot make " + target));
  }
  const auto from = "/proc/self/fd/" + std::to_string(source);
  if (::mount(from.c_str(), target.c_str(), nullptr, MS_BIND | recursive, nullptr) != 0)
    return std::unexpected(errno_error(errno, "cannot bind " + target));
  return {};
}

struct Sources {
  Fd work, home, etc, runner;
  std::vector<Fd> mounts;
};

Result<Sources> open_sources(const LaunchSpec& spec) {
  Sources sources;
  CORRAL_TRY(sources.work, open_path(spec.folder + "/" + kWorkFolder, O_DIRECTORY | O_NOFOLLOW));
  CORRAL_TRY(sources.home, open_path(spec.folder + "/" + kHomeFolder, O_DIRECTORY | O_NOFOLLOW));
  CORRAL_TRY(sources.etc, open_path(spec.etc, O_DIRECTORY));
  CORRAL_TRY(sources.runner, open_path(spec.runner, 0));
  for (const auto& mount : spec.mounts) {
    CORRAL_TRY(auto fd, open_path(mount.source, 0));
    sources.mounts.push_back(std::move(fd));
  }
  return sources;
}

}  // namespace

Result<View> make_plain_view(const LaunchSpec& spec) {
  View view;
  view.work = spec.folder + "/" + kWorkFolder;
  view.home = spec.folder + "/" + kHomeFolder;
  view.etc = spec.etc;
  view.runner = spec.runner;
  view.mounts = spec.mounts;
  CORRAL_TRY(view.door, open_path(spec.folder + "/" + kDoorFolder, O_DIRECTORY | O_NOFOLLOW));
  CORRAL_TRY(view.spool, open_path(spec.folder + "/" + kSpoolFolder, O_DIRECTORY | O_NOFOLLOW));
  return view;
}

Result<View> make_view(const LaunchSpec& spec) {
  if (!spec.uid) {
    CORRAL_TRY(auto view, make_plain_view(spec));
    detach_with_helper(spec, view.door, view.spool);
    return view;
  }
  if (::unshare(CLONE_NEWNS) != 0)
    return std::unexpected(errno_error(errno, "root may not make a mount namespace here"));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return std::unexpected(errno_error(errno, "cannot make mounts private"));
  CORRAL_TRY(auto view, make_plain_view(spec));
  if (auto door = detached(view.door.get()), spool = detached(view.spool.get()); door && spool) {
    view.door = std::move(door);
    view.spool = std::move(spool);
  }
  CORRAL_TRY(const auto sources, open_sources(spec));
  if (::mount("tmpfs", kScratch, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0)
    return std::unexpected(errno_error(errno, fmt::format("cannot mount a tmpfs on {}", kScratch)));
  const std::string scratch = std::string(kScratch) + "/";
  view.work = scratch + "work";
  view.home = scratch + "home";
  view.etc = scratch + "etc";
  view.runner = scratch + "runner";
  CORRAL_CHECK(bind_at(sources.work.get(), view.work, 0));
  CORRAL_CHECK(bind_at(sources.home.get(), view.home, 0));
  CORRAL_CHECK(bind_at(sources.etc.get(), view.etc, 0));
  CORRAL_CHECK(bind_at(sources.runner.get(), view.runner, 0));
  for (std::size_t i = 0; i < view.mounts.size(); ++i) {
    view.mounts[i].source = scratch + "mount" + std::to_string(i);
    CORRAL_CHECK(bind_at(sources.mounts[i].get(), view.mounts[i].source, MS_REC));
  }
  return view;
}

}  // namespace corral::adapters::sandbox
