// A malicious program for the inside of a workspace: each command tries one thing. It says "held"
// and exits 0 when the sandbox kept it from succeeding, "ESCAPED: …" and 1 when it did not.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int escapes = 0;

static void escaped(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("ESCAPED: ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  ++escapes;
}

// `result` of a call that must fail; `allowed` are the errors that count as refusal, 0-terminated.
static void refused(const char* what, long result, const int* allowed) {
  const int error = errno;
  if (result >= 0) {
    escaped("%s succeeded", what);
    return;
  }
  for (const int* at = allowed; *at != 0; ++at)
    if (*at == error) return;
  escaped("%s failed with %s, which is no refusal", what, strerror(error));
}
#define REFUSED(call, ...) refused(#call, (long)(call), (const int[]){__VA_ARGS__, 0})

static int writable(const char* path) {
  const int fd = open(path, O_WRONLY);
  if (fd >= 0) close(fd);
  return fd;
}

static void fork_count(void) {
  int count = 0;
  while (count < 100000) {
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (child < 0) break;
    ++count;
  }
  printf("%d %s\n", count, errno == EAGAIN ? "EAGAIN" : strerror(errno));
  fflush(stdout);
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  while (wait(NULL) > 0) {
  }
}

static void fork_bomb(void) {
  signal(SIGTERM, SIG_IGN);
  printf("begun\n");
  fflush(stdout);
  for (;;) fork();
}

static void touch_memory(void) {
  const size_t piece = 1 << 20;
  for (;;) {
    char* memory = mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) exit(3);
    for (size_t at = 0; at < piece; at += 4096) memory[at] = 1;
  }
}

static void fill(int fd) {
  static char block[1 << 16];
  memset(block, 1, sizeof block);
  unsigned long long total = 0;
  for (;;) {
    const ssize_t written = write(fd, block, sizeof block);
    if (written <= 0) break;
    total += (unsigned long long)written;
  }
  printf("%llu %s\n", total, strerror(errno));
}

static void system_v_memory(void) {
  for (;;) {
    const int id = shmget(IPC_PRIVATE, 8 << 20, IPC_CREAT | 0600);
    if (id < 0) exit(3);
    char* memory = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    if (memory == (char*)-1) exit(3);
    memset(memory, 1, 8 << 20);
  }
}

static void many_files(const char* folder) {
  char name[4096];
  for (long count = 0;; ++count) {
    snprintf(name, sizeof name, "%s/f%ld", folder, count);
    const int fd = open(name, O_CREAT | O_WRONLY, 0600);
    if (fd < 0) break;
    close(fd);
  }
}

static void spin(double seconds) {
  int child = 0;
  for (int i = 0; i < 3 && !child; ++i) child = fork() == 0;
  struct timespec begin, now;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
         seconds);
  if (child) _exit(0);
  while (wait(NULL) > 0) {
  }
  struct rusage self, children;
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  printf("%.3f\n", (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                            children.ru_stime.tv_sec) +
                       (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec +
                                children.ru_utime.tv_usec + children.ru_stime.tv_usec) /
                           1e6);
}

static void descriptors(void) {
  int count = 0;
  while (open("/dev/null", O_RDONLY) >= 0) ++count;
  printf("%d %s\n", count, errno == EMFILE ? "EMFILE" : strerror(errno));
}

static void proc_sys(void) {
  REFUSED(writable("/proc/sys/kernel/core_pattern"), EACCES, EROFS, ENOENT);
  REFUSED(writable("/proc/sys/kernel/modprobe"), EACCES, EROFS, ENOENT);
  REFUSED(writable("/proc/sysrq-trigger"), EACCES, EROFS, ENOENT, EIO);
  REFUSED(writable("/proc/sys/vm/overcommit_memory"), EACCES, EROFS, ENOENT);
}

static void sys_and_cgroups(void) {
  REFUSED(access("/sys/kernel", F_OK), ENOENT);
  REFUSED(writable("/sys/kernel/uevent_helper"), ENOENT);
  REFUSED(access("/sys/fs/cgroup", F_OK), ENOENT);
  mkdir("/tmp/cgroup", 0700);
  REFUSED(mount("cgroup", "/tmp/cgroup", "cgroup", 0, "rdma"), EPERM);
  REFUSED(mount("cgroup2", "/tmp/cgroup", "cgroup2", 0, NULL), EPERM);
}

static void mounts(void) {
  mkdir("/tmp/m", 0700);
  REFUSED(mount("tmpfs", "/tmp/m", "tmpfs", 0, NULL), EPERM);
  REFUSED(mount("/usr", "/tmp/m", NULL, MS_BIND, NULL), EPERM);
  REFUSED(mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
  REFUSED(umount2("/usr", MNT_DETACH), EPERM);
  REFUSED(umount2("/proc", MNT_DETACH), EPERM);
  REFUSED(syscall(SYS_pivot_root, "/tmp", "/tmp/m"), EPERM);
  REFUSED(chroot("/tmp"), EPERM);
  REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", 1), EPERM);
  REFUSED(syscall(SYS_fsopen, "tmpfs", 0), EPERM);
  REFUSED(syscall(SYS_fspick, AT_FDCWD, "/", 0), EPERM);
  REFUSED(syscall(SYS_fsmount, 0, 0, 0), EPERM);
  REFUSED(syscall(SYS_fsconfig, 0, 0, NULL, NULL, 0), EPERM);
  REFUSED(syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/tmp/m", 0), EPERM);
  REFUSED(syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, NULL, 0), EPERM);
}

static void user_namespaces(void) {
  const int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWNET,   CLONE_NEWPID,
                       CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    REFUSED(unshare(kinds[i]), EPERM);
    REFUSED(unshare(kinds[i] | CLONE_NEWUSER), EPERM);
    REFUSED(syscall(SYS_clone, kinds[i] | SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
  }
  uint64_t arguments[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  REFUSED(syscall(SYS_clone3, arguments, sizeof arguments), ENOSYS);
  const int own = open("/proc/self/ns/user", O_RDONLY);
  REFUSED(setns(own, 0), EPERM);
}

static void other_processes(pid_t outside) {
  const pid_t targets[] = {outside, 1};
  char buffer[16];
  for (int i = 0; i < 2; ++i) {
    struct iovec mine = {buffer, sizeof buffer}, theirs = {(void*)0x400000, sizeof buffer};
    REFUSED(ptrace(PTRACE_ATTACH, targets[i], NULL, NULL), EPERM, ESRCH);
    REFUSED(ptrace(PTRACE_SEIZE, targets[i], NULL, NULL), EPERM, ESRCH);
    REFUSED(process_vm_readv(targets[i], &mine, 1, &theirs, 1, 0), EPERM, ESRCH);
    REFUSED(process_vm_writev(targets[i], &mine, 1, &theirs, 1, 0), EPERM, ESRCH);
    const int pidfd = (int)syscall(SYS_pidfd_open, targets[i], 0);
    REFUSED(syscall(SYS_pidfd_getfd, pidfd, 3, 0), EPERM);
  }
  REFUSED(open("/proc/1/mem", O_RDWR), EACCES, EPERM);
}

static void signals(pid_t outside) {
  REFUSED(kill(outside, 0), ESRCH);
  REFUSED(kill(outside, SIGKILL), ESRCH);
  REFUSED(kill(-outside, SIGKILL), ESRCH);
  REFUSED(syscall(SYS_tgkill, outside, outside, SIGKILL), ESRCH);
  // The init of the namespace takes no signal that it does not want.
  kill(1, SIGKILL);
  kill(1, SIGTERM);
  kill(1, SIGSTOP);
}

static void more_privileges(const char* self) {
  char status[8192] = {0};
  const int fd = open("/proc/self/status", O_RDONLY);
  if (read(fd, status, sizeof status - 1) <= 0) escaped("no status to read");
  if (strstr(status, "NoNewPrivs:\t1") == NULL) escaped("no_new_privs is not set");
  if (strstr(status, "CapEff:\t0000000000000000") == NULL ||
      strstr(status, "CapBnd:\t0000000000000000") == NULL)
    escaped("there are capabilities");
  if (strstr(status, "Seccomp:\t2") == NULL) escaped("there is no filter");
  // A program of our own with the bits set: it may be made, and gives nothing.
  char command[512];
  snprintf(command, sizeof command,
           "cp %s /workspace/suid && chmod 6755 /workspace/suid && /workspace/suid show_ids", self);
  FILE* output = popen(command, "r");
  unsigned real = 0, effective = 0;
  if (output == NULL || fscanf(output, "%u %u", &real, &effective) != 2 || effective != 1000 ||
      real != 1000)
    escaped("a setuid copy ran as %u", effective);
  if (output != NULL) pclose(output);
  const unsigned char capability[20] = {1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
  REFUSED(setxattr("/workspace/suid", "security.capability", capability, sizeof capability, 0),
          EPERM, EOPNOTSUPP);
  REFUSED(setuid(0), EPERM, EINVAL);
  REFUSED(chown("/workspace/suid", 0, 0), EPERM, EINVAL);
}

static void sockets(void) {
  REFUSED(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), EPERM);
  REFUSED(socket(AF_INET6, SOCK_RAW, IPPROTO_RAW), EPERM);
  REFUSED(socket(AF_PACKET, SOCK_RAW, 0), EPERM);
  REFUSED(socket(AF_PACKET, SOCK_DGRAM, 0), EPERM);
  REFUSED(socket(AF_VSOCK, SOCK_STREAM, 0), EPERM);
  REFUSED(socket(AF_ALG, SOCK_SEQPACKET, 0), EPERM);
  REFUSED(socket(AF_BLUETOOTH, SOCK_RAW, 0), EPERM);
  REFUSED(socket(AF_NETLINK, SOCK_RAW, 12), EPERM);
  REFUSED(socket(AF_NETLINK, SOCK_RAW, 15), EPERM);
  REFUSED(socket(AF_NETLINK, SOCK_RAW, 9), EPERM);
  REFUSED(syscall(SYS_socket, (1ull << 32) | AF_PACKET, SOCK_RAW, 0), EPERM);
  // Routing information may be asked for, but nothing changed.
  const int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct {
    struct nlmsghdr header;
    struct ifinfomsg info;
  } request = {{sizeof request, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0},
               {AF_UNSPEC, 0, 0, 1, 0, 1}};
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[4096];
  } answer;
  if (netlink < 0 || send(netlink, &request, sizeof request, 0) < 0 ||
      recv(netlink, &answer, sizeof answer, 0) < 0)
    escaped("routing information cannot be asked for");
  else if (answer.error.error != -EPERM)
    escaped("a link could be changed (%d)", answer.error.error);
}

static int connect_to(const char* address, int port, int type) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, address, &to.sin_addr);
  const int result = connect(fd, (struct sockaddr*)&to, sizeof to);
  const int error = errno;
  close(fd);
  errno = error;
  return result;
}

static void outside_network(int host_port, const char* abstract) {
  REFUSED(connect_to("127.0.0.1", host_port, SOCK_STREAM), ECONNREFUSED);
  REFUSED(connect_to("169.254.169.254", 80, SOCK_STREAM), ENETUNREACH);
  REFUSED(connect_to("8.8.8.8", 53, SOCK_DGRAM), ENETUNREACH);
  REFUSED(connect_to("10.0.2.2", 80, SOCK_STREAM), ENETUNREACH);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path + 1, abstract, sizeof name.sun_path - 2);
  REFUSED(connect(fd, (struct sockaddr*)&name,
                  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract))),
          ECONNREFUSED);
}

static void keys(void) {
  REFUSED(syscall(SYS_add_key, "user", "x", "y", 1, -3), EPERM);
  REFUSED(syscall(SYS_request_key, "user", "x", NULL, 0), EPERM);
  REFUSED(syscall(SYS_keyctl, 0, -3, 0), EPERM);
}

static void kernel_doors(void) {
  char parameters[256] = {0};
  REFUSED(syscall(SYS_bpf, 0, parameters, sizeof parameters), EPERM);
  REFUSED(syscall(SYS_perf_event_open, parameters, 0, -1, -1, 0), EPERM);
  REFUSED(syscall(SYS_userfaultfd, 1), EPERM);
  REFUSED(syscall(SYS_io_uring_setup, 8, parameters), EPERM);
  REFUSED(syscall(SYS_open_by_handle_at, AT_FDCWD, parameters, 0), EPERM);
}

static void the_machine(void) {
  struct timespec when = {0, 0};
  struct timeval time = {0, 0};
  REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0), EPERM);
  REFUSED(syscall(SYS_kexec_file_load, -1, -1, 0, "", 0), EPERM);
  REFUSED(syscall(SYS_init_module, "", 0, ""), EPERM);
  REFUSED(syscall(SYS_finit_module, -1, "", 0), EPERM);
  REFUSED(syscall(SYS_delete_module, "x", 0), EPERM);
  REFUSED(syscall(SYS_reboot, 0xfee1dead, 0x28121969, 0x89abcdef, NULL), EPERM);
  REFUSED(settimeofday(&time, NULL), EPERM);
  REFUSED(clock_settime(CLOCK_REALTIME, &when), EPERM);
  REFUSED(sethostname("x", 1), EPERM);
  REFUSED(syscall(SYS_swapon, "/workspace/x", 0), EPERM);
  REFUSED(syscall(SYS_syslog, 3, NULL, 0), EPERM);
}

static void devices(void) {
  const char* const names[] = {"/dev/mem",   "/dev/kmem",        "/dev/kvm",  "/dev/sda",
                               "/dev/vda",   "/dev/nvme0n1",     "/dev/fuse", "/dev/net/tun",
                               "/dev/vsock", "/dev/loop-control"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    REFUSED(open(names[i], O_RDONLY), ENOENT);
  REFUSED(mknod("/workspace/device", S_IFBLK | 0600, makedev(254, 0)), EPERM);
  REFUSED(mknod("/workspace/device", S_IFCHR | 0600, makedev(1, 1)), EPERM);
  REFUSED(mknodat(AT_FDCWD, "/tmp/device", S_IFCHR | 0600, makedev(1, 1)), EPERM);
}

static void terminal(void) {
  if (!isatty(0)) escaped("there is no terminal to try it on");
  const unsigned long high = 0xdeadbeefull << 32;
  REFUSED(syscall(SYS_ioctl, 0, TIOCSTI, "x"), EPERM);
  REFUSED(syscall(SYS_ioctl, 0, TIOCSTI | high, "x"), EPERM);
  REFUSED(syscall(SYS_ioctl, 0, 0x541Cul, "\2"), EPERM);
  REFUSED(syscall(SYS_ioctl, 0, 0x541Cul | high, "\2"), EPERM);
}

static void inherited(void) {
  DIR* folder = opendir("/proc/self/fd");
  for (struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    const int fd = atoi(entry->d_name);
    if (fd > 2 && fd != dirfd(folder)) escaped("descriptor %d was inherited", fd);
  }
  closedir(folder);
  for (int fd = 3; fd < 64; ++fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    REFUSED(chdir(path), ENOENT);
    snprintf(path, sizeof path, "/proc/1/fd/%d", fd);
    REFUSED(chdir(path), EACCES, EPERM, ENOENT);
  }
  REFUSED(open("/proc/1/fd", O_RDONLY), EACCES, EPERM);
  REFUSED(chdir("/proc/1/root"), EACCES, EPERM);
  REFUSED(chdir("/proc/1/cwd"), EACCES, EPERM);
  REFUSED(open("/proc/1/environ", O_RDONLY), EACCES, EPERM);
}

static void runner_binary(void) {
  REFUSED(writable("/proc/self/exe"), ETXTBSY, EROFS, EACCES);
  REFUSED(writable("/proc/1/exe"), EACCES, EPERM, EROFS);
  REFUSED(writable("/corral/runner"), EROFS, ETXTBSY, EACCES);
  REFUSED(unlink("/corral/runner"), EROFS, EBUSY, EACCES);
  REFUSED(rename("/corral/runner", "/workspace/runner"), EROFS, EXDEV, EBUSY, EACCES);
}

static void masked_paths(void) {
  const char* const places[] = {
      "/etc/passwd",  "/dev/null",      "/dev/shm", "/proc/sys", "/proc/sysrq-trigger",
      "/usr/bin/env", "/corral/runner", "/bin",     "/tmp",      "/workspace",
      "/home/agent"};
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    REFUSED(unlink(places[i]), EROFS, EPERM, EBUSY, EISDIR, EACCES, ENOENT);
    REFUSED(rename(places[i], "/tmp/away"), EROFS, EPERM, EBUSY, EXDEV, EACCES, ENOENT);
    REFUSED(symlink("/proc/sys/kernel/core_pattern", places[i]), EROFS, EEXIST, ENOENT, EACCES);
  }
  REFUSED(mkdir("/new", 0700), EROFS, EACCES);
  REFUSED(mkdir("/dev/new", 0700), EROFS, EACCES);
  REFUSED(open("/etc/new", O_CREAT | O_WRONLY, 0600), EROFS, EACCES);
  REFUSED(open("/run/new", O_CREAT | O_WRONLY, 0600), EROFS, EACCES);
}

static void links_out(const char* host_file) {
  REFUSED(open(host_file, O_RDONLY), ENOENT, EACCES, ENOTDIR);
  symlink(host_file, "/workspace/to-host");
  REFUSED(open("/workspace/to-host", O_RDONLY), ENOENT, EACCES, ENOTDIR);
  REFUSED(link("/etc/passwd", "/workspace/hard"), EROFS, EXDEV, EPERM);
  REFUSED(link("/home/agent/..", "/workspace/hard"), EROFS, EXDEV, EPERM);
  REFUSED(rename("/usr/bin/env", "/workspace/env"), EROFS, EXDEV, EACCES);
  REFUSED(open("/workspace/../../../../../../root/.ssh", O_RDONLY), ENOENT, EACCES);
  REFUSED(access("/lost+found", F_OK), ENOENT);
}

// Swaps a folder and a link to elsewhere, for ever.
static void swap_link(const char* name, const char* elsewhere) {
  char real[512], link_name[512];
  snprintf(real, sizeof real, "%s.real", name);
  snprintf(link_name, sizeof link_name, "%s.link", name);
  mkdir(name, 0700);
  symlink(elsewhere, link_name);
  printf("swapping\n");
  fflush(stdout);
  for (;;) {
    rename(name, real);
    rename(link_name, name);
    rename(name, link_name);
    rename(real, name);
  }
}

#ifdef __x86_64__
static long call_32(long number) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(0), "c"(0), "d"(0)
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  return result;
}

static void other_architectures(void) {
  REFUSED(call_32(20 /* getpid */), ENOSYS);
  REFUSED(call_32(21 /* mount */), ENOSYS);
  REFUSED(call_32(310 /* unshare */), ENOSYS);
  REFUSED(syscall(0x40000000 | SYS_getpid), ENOSYS);
  REFUSED(syscall(0x40000000 | SYS_mount, "x", "/tmp", "tmpfs", 0, NULL), ENOSYS);
  REFUSED(syscall(0x40000000 | 521 /* ptrace */, 0, 0, 0, 0), ENOSYS);
}
#else
static void other_architectures(void) {}
#endif

static void flood(int port, int count) {
  int connected = 0;
  for (int i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) break;
    if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0 || errno == EINPROGRESS) ++connected;
    char rubbish[4096];
    memset(rubbish, 0xff, sizeof rubbish);
    send(fd, rubbish, sizeof rubbish, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  printf("%d\n", connected);
  fflush(stdout);
  pause();
}

// Looks for `needle` in every environment, command line and memory map name that can be read.
static void find_secret(const char* needle) {
  DIR* folder = opendir("/proc");
  for (struct dirent* entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (atoi(entry->d_name) == 0 || atoi(entry->d_name) == getpid()) continue;
    const char* const files[] = {"environ", "cmdline", "maps", "mountinfo"};
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
      char path[512];
      snprintf(path, sizeof path, "/proc/%s/%s", entry->d_name, files[i]);
      const int fd = open(path, O_RDONLY);
      if (fd < 0) continue;
      static char text[1 << 20];
      ssize_t total = 0, got;
      while ((got = read(fd, text + total, sizeof text - 1 - (size_t)total)) > 0) total += got;
      close(fd);
      if (memmem(text, (size_t)total, needle, strlen(needle)) != NULL)
        escaped("%s holds the secret", path);
    }
  }
  closedir(folder);
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  const char* first = argc > 2 ? argv[2] : "";
  const char* second = argc > 3 ? argv[3] : "";
#define PROBE(command, call)      \
  if (strcmp(name, command) == 0) \
    call;                         \
  else
  PROBE("fork_count", (fork_count(), exit(0)))
  PROBE("fork_bomb", fork_bomb())
  PROBE("memory", touch_memory())
  PROBE("memfd", fill(memfd_create("x", 0)))
  PROBE("fill", fill(open(first, O_CREAT | O_WRONLY, 0600)))
  PROBE("system_v_memory", system_v_memory())
  PROBE("many_files", many_files(first))
  PROBE("spin", (spin(atof(first)), exit(0)))
  PROBE("descriptors", (descriptors(), exit(0)))
  PROBE("proc_sys", proc_sys())
  PROBE("sys_and_cgroups", sys_and_cgroups())
  PROBE("mounts", mounts())
  PROBE("user_namespaces", user_namespaces())
  PROBE("other_processes", other_processes(atoi(first)))
  PROBE("signals", signals(atoi(first)))
  PROBE("more_privileges", more_privileges(argv[0]))
  PROBE("show_ids", (printf("%u %u\n", getuid(), geteuid()), exit(0)))
  PROBE("sockets", sockets())
  PROBE("outside_network", outside_network(atoi(first), second))
  PROBE("keys", keys())
  PROBE("kernel_doors", kernel_doors())
  PROBE("the_machine", the_machine())
  PROBE("devices", devices())
  PROBE("terminal", terminal())
  PROBE("inherited", inherited())
  PROBE("runner_binary", runner_binary())
  PROBE("masked_paths", masked_paths())
  PROBE("links_out", links_out(first))
  PROBE("swap_link", swap_link(first, second))
  PROBE("other_architectures", other_architectures())
  PROBE("flood", flood(atoi(first), atoi(second)))
  PROBE("find_secret", find_secret(first)) {
    fprintf(stderr, "there is no probe \"%s\"\n", name);
    return 2;
  }
  if (escapes == 0) printf("held\n");
  return escapes == 0 ? 0 : 1;
}
