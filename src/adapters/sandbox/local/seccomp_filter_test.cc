#include "adapters/sandbox/local/seccomp_filter.h"

#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>

namespace corral::adapters::sandbox {
namespace {

// Runs `call` in a child under the filter; its errno, or 0 when the call did not fail.
int errno_under(FilterKind kind, const std::function<long()>& call) {
  auto filter = make_seccomp_filter(kind);
  EXPECT_TRUE(filter) << filter.error().message;
  if (!filter) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    sock_fprog program{static_cast<unsigned short>(filter->size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(filter->data())};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
      ::_exit(255);
    errno = 0;
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

TEST(SeccompFilter, RefusesMountsAndNamespacesAlsoForRoot) {
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] { return ::syscall(SYS_mount, "x", "/nowhere", "tmpfs", 0, nullptr); }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_fsopen, "tmpfs", 0); }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(467, -1, "", 0, nullptr, 0); }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_unshare, CLONE_NEWUSER); }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_unshare, 0x80); }), EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_unshare, CLONE_FILES); }),
            0);
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] {
                          return ::syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, nullptr, nullptr,
                                           nullptr, 0);
                        }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_clone3, nullptr, 0); }),
            ENOSYS);
}

TEST(SeccompFilter, LetsProcessesAndThreadsBeMade) {
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] {
                          const pid_t child = ::fork();
                          if (child == 0) ::_exit(0);
                          return static_cast<long>(::waitpid(child, nullptr, 0));
                        }),
            0);
}

TEST(SeccompFilter, SeesThroughTheHighBitsOfATerminalCommand) {
  for (const unsigned long command :
       {0x5412ul, 0x541Cul, 0x5412ul | 1ul << 32, 0x541Cul | 0xdeadul << 40})
    EXPECT_EQ(
        errno_under(FilterKind::sandbox, [=] { return ::syscall(SYS_ioctl, 0, command, "x"); }),
        EPERM)
        << command;
  // A harmless one reaches the kernel, which finds no terminal.
  EXPECT_NE(errno_under(FilterKind::sandbox,
                        [] { return ::syscall(SYS_ioctl, -1, TIOCGWINSZ, nullptr); }),
            EPERM);
}

TEST(SeccompFilter, LeavesOnlyTheSocketsThatAWorkspaceNeeds) {
  const auto open = [](FilterKind kind, std::uint64_t domain, std::uint64_t type,
                       std::uint64_t protocol) {
    return errno_under(kind, [=] { return ::syscall(SYS_socket, domain, type, protocol); });
  };
  for (const auto domain : {AF_UNIX, AF_INET, AF_INET6})
    EXPECT_EQ(open(FilterKind::sandbox, domain, SOCK_STREAM | SOCK_CLOEXEC, 0), 0) << domain;
  EXPECT_EQ(open(FilterKind::sandbox, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), 0);
  EXPECT_EQ(open(FilterKind::sandbox, AF_NETLINK, SOCK_RAW, 12), EPERM);  // netfilter
  EXPECT_EQ(open(FilterKind::sandbox, AF_NETLINK, SOCK_RAW, 1ull << 32), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_PACKET, SOCK_RAW, 0), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_VSOCK, SOCK_STREAM, 0), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_PACKET | 1ull << 33, SOCK_RAW, 0), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_ALG, SOCK_SEQPACKET, 0), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
  EXPECT_EQ(open(FilterKind::sandbox, AF_INET, SOCK_STREAM, 132), EPERM);  // SCTP
  EXPECT_EQ(open(FilterKind::reduced, AF_INET, SOCK_STREAM, 0), 0);
  EXPECT_EQ(open(FilterKind::reduced, AF_INET, SOCK_DGRAM, 0), EPERM);
  EXPECT_EQ(open(FilterKind::reduced, AF_INET, SOCK_STREAM, 262), EPERM);  // MPTCP
  EXPECT_EQ(open(FilterKind::reduced, AF_UNIX, SOCK_STREAM, 0), EPERM);
  EXPECT_EQ(open(FilterKind::reduced, AF_NETLINK, SOCK_RAW, 0), EPERM);
  int pair[2];
  EXPECT_EQ(
      errno_under(FilterKind::reduced,
                  [&] { return static_cast<long>(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair)); }),
      0);
}

TEST(SeccompFilter, RefusesDevicesButNotFifos) {
  EXPECT_EQ(
      errno_under(FilterKind::sandbox,
                  [] { return ::syscall(SYS_mknodat, AT_FDCWD, "/nowhere/x", S_IFBLK | 0600, 0); }),
      EPERM);
  EXPECT_EQ(
      errno_under(FilterKind::sandbox,
                  [] { return ::syscall(SYS_mknodat, AT_FDCWD, "/nowhere/x", S_IFIFO | 0600, 0); }),
      ENOENT);
}

TEST(SeccompFilter, LetsPersonalityBeAskedButNotWeakened) {
  EXPECT_EQ(
      errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_personality, 0xffffffffu); }), 0);
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(SYS_personality, 0); }), 0);
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] { return ::syscall(SYS_personality, ADDR_NO_RANDOMIZE); }),
            EPERM);
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] { return ::syscall(SYS_personality, 0x80000000u | READ_IMPLIES_EXEC); }),
            EPERM);
}

#ifdef __x86_64__
TEST(SeccompFilter, KnowsNoCallsOfOtherArchitectures) {
  EXPECT_EQ(errno_under(FilterKind::sandbox, [] { return ::syscall(0x40000000 | SYS_getpid); }),
            ENOSYS);
  EXPECT_EQ(errno_under(FilterKind::sandbox,
                        [] {
                          long result;
                          asm volatile("int $0x80"
                                       : "=a"(result)
                                       : "a"(20 /* getpid */)
                                       : "memory", "r8", "r9", "r10", "r11");
                          errno = static_cast<int>(-result);
                          return result < 0 ? -1l : 0l;
                        }),
            ENOSYS);
}
#endif

}  // namespace
}  // namespace corral::adapters::sandbox
