#include "adapters/sandbox/local/seccomp_filter.h"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/freed.h"

namespace corral::adapters::sandbox {
namespace {

// Refused with EPERM whatever the arguments.
constexpr const char* kRefused[] = {
    // mounts, old and new API
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    // namespaces, other processes
    "setns",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "kcmp",
    "move_pages",
    "migrate_pages",
    // keys
    "keyctl",
    "add_key",
    "request_key",
    // doors into the kernel
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "fanotify_init",
    "lookup_dcookie",
    "open_by_handle_at",
    "name_to_handle_at",
    "vmsplice",
    "modify_ldt",
    "iopl",
    "ioperm",
    // the machine
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "get_kernel_syms",
    "query_module",
    "reboot",
    "settimeofday",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "stime",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "nfsservctl",
    "syslog",
    "vhangup",
    "sethostname",
    "setdomainname",
    "uselib",
    "ustat",
    "sysfs",
    "_sysctl",
};
// Newer than the libseccomp of Debian 12. These numbers are the same on every architecture.
constexpr int kRefusedNumbers[] = {
    457 /* statmount */,
    458 /* listmount */,
    467 /* open_tree_attr */,
};

constexpr std::uint64_t kNamespaceFlags[] = {
    CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
    CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET, 0x80 /* CLONE_NEWTIME */};

// TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads line disciplines, TIOCCONS takes the
// console. The kernel looks at the low 32 bits only (CVE-2019-10063).
constexpr std::uint64_t kRefusedIoctls[] = {0x5412, 0x541C, 0x5423, 0x541D};

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {
    if (!context_) {
      problem_ = ENOMEM;
      return;
    }
    // 32-bit and x32 calls have other numbers: none of them exists here.
    note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)));
    // The runner sets no_new_privs, and bubblewrap too.
    note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_NNP, 0));
    // A binary tree: each call costs a few comparisons rather than one for each rule.
    note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }

  void refuse(const char* name, std::vector<scmp_arg_cmp> when = {}, int with = EPERM) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // not on this architecture
    refuse(number, std::move(when), with);
  }
  void refuse(int number, std::vector<scmp_arg_cmp> when = {}, int with = EPERM) {
    if (problem_ != 0) return;
    note(::seccomp_rule_add_array(context_.get(), SCMP_ACT_ERRNO(static_cast<std::uint32_t>(with)),
                                  number, static_cast<unsigned>(when.size()), when.data()));
  }

  Result<std::string> take() {
    const Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
    if (problem_ == 0) note(::seccomp_export_bpf(context_.get(), file.get()));
    if (problem_ != 0)
      return fail(ErrorCode::unsupported,
                  "libseccomp cannot make the system call filter (error {})", problem_);
    std::string bytes(static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END)), '\0');
    if (::pread(file.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
      return std::unexpected(errno_error(errno, "cannot read the filter"));
    return bytes;
  }

 private:
  void note(int result) {
    // A pseudo system call of another architecture is no rule here.
    if (result < 0 && result != -EDOM && problem_ == 0) problem_ = -result;
  }
  std::unique_ptr<void, Freed<::seccomp_release>> context_;
  int problem_ = 0;
};

scmp_arg_cmp bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return scmp_arg_cmp{argument, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp equal(unsigned argument, std::uint64_t value) {
  return scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp above(unsigned argument, std::uint64_t value) {
  return scmp_arg_cmp{argument, SCMP_CMP_GT, value, 0};
}
scmp_arg_cmp other_than(unsigned argument, std::uint64_t value) {
  return scmp_arg_cmp{argument, SCMP_CMP_NE, value, 0};
}

void refuse_namespaces(Filter& filter) {
  for (const auto flag : kNamespaceFlags) {
    filter.refuse("unshare", {bits(0, flag, flag)});
    // The low byte of clone's flags is the exit signal: CLONE_NEWTIME cannot be asked for there.
    if (flag != 0x80) filter.refuse("clone", {bits(0, flag, flag)});
  }
  // Its flags are in memory, where no filter sees them; libc falls back to clone.
  filter.refuse("clone3", {}, ENOSYS);
}

void refuse_devices(Filter& filter) {
  for (const std::uint64_t type : {S_IFCHR, S_IFBLK}) {
    filter.refuse("mknod", {bits(1, S_IFMT, type)});
    filter.refuse("mknodat", {bits(2, S_IFMT, type)});
  }
  for (const auto command : kRefusedIoctls) filter.refuse("ioctl", {bits(1, 0xffffffff, command)});
}

// Personality 0 and PER_LINUX32 and the query (all bits set) pass; every flag is refused: they
// weaken address layout.
void refuse_personalities(Filter& filter) {
  constexpr std::uint64_t kQueryBit = 1ull << 31;
  for (unsigned bit = 4; bit < 31; ++bit) {
    if (bit == 17) continue;  // UNAME26: harmless, and used
    filter.refuse("personality", {bits(0, kQueryBit | 1ull << bit, 1ull << bit)});
  }
  for (unsigned bit = 0; bit < 31; ++bit)
    filter.refuse("personality", {bits(0, kQueryBit | 1ull << bit, kQueryBit)});
}

// A domain is an int to the kernel, but compared in 64 bits here: garbage in the upper half makes
// it "above".
void refuse_domains_but(Filter& filter, std::initializer_list<std::uint64_t> allowed) {
  const auto highest = std::max(allowed);
  for (std::uint64_t domain = 0; domain < highest; ++domain)
    if (std::ranges::find(allowed, domain) == allowed.end())
      filter.refuse("socket", {equal(0, domain)});
  filter.refuse("socket", {above(0, highest)});
}

// The kernel loads modules for odd protocols on demand: only TCP, UDP and ping are asked of it.
void refuse_raw_and_odd(Filter& filter) {
  constexpr std::uint64_t kTypeMask = 0xf;
  for (const std::uint64_t domain : {AF_INET, AF_INET6}) {
    for (const std::uint64_t type : {SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_DCCP, SOCK_PACKET})
      filter.refuse("socket", {equal(0, domain), bits(1, kTypeMask, type)});
    filter.refuse("socket", {equal(0, domain), above(2, IPPROTO_UDP)});
  }
}

void refuse_sockets(Filter& filter, FilterKind kind) {
  filter.refuse("socketpair", {other_than(0, AF_UNIX)});
  switch (kind) {
    case FilterKind::sandbox:
      refuse_domains_but(filter, {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});
      // Only NETLINK_ROUTE: getifaddrs() of every libc asks it for the interfaces. The namespace
      // has none but loopback.
      filter.refuse("socket", {equal(0, AF_NETLINK), other_than(2, 0)});
      refuse_raw_and_odd(filter);
      return;
    case FilterKind::reduced:
      refuse_domains_but(filter, {AF_INET, AF_INET6});
      for (const std::uint64_t domain : {AF_INET, AF_INET6}) {
        filter.refuse("socket", {equal(0, domain), bits(1, 0xf, SOCK_DGRAM)});
        // MPTCP and the like are not bound by Landlock's TCP rules.
        filter.refuse("socket", {equal(0, domain), above(2, IPPROTO_TCP)});
      }
      refuse_raw_and_odd(filter);
      return;
  }
}

}  // namespace

Result<std::string> make_seccomp_filter(FilterKind kind) {
  Filter filter;
  for (const char* name : kRefused) filter.refuse(name);
  for (const int number : kRefusedNumbers) filter.refuse(number);
  refuse_namespaces(filter);
  refuse_devices(filter);
  refuse_personalities(filter);
  refuse_sockets(filter, kind);
  return filter.take();
}

}  // namespace corral::adapters::sandbox
