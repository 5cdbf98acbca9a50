#include "adapters/git/daemon.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "adapters/git/source.h"

namespace corral::adapters::git {
namespace {

using Stream = asio::posix::stream_descriptor;
using Socket = asio::local::stream_protocol::socket;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxRequestBytes = 4096;
constexpr std::size_t kMaxCommandBytes = 1u << 20;
constexpr std::chrono::seconds kRequestTimeout{30};
constexpr auto kPacketEnd = std::string_view("0000");

std::string packet(std::string_view payload) {
  return fmt::format("{:04x}{}", payload.size() + 4, payload);
}

// A git process in a session of its own: killed with what it started, and reaped, when it goes out
// of scope.
class ServiceProcess {
 public:
  explicit ServiceProcess(pid_t pid) : pid_(pid) {}
  ServiceProcess(const ServiceProcess&) = delete;
  ServiceProcess& operator=(const ServiceProcess&) = delete;
  ~ServiceProcess() {
    if (pid_ > 0) end();
  }
  // Its exit status. It has already exited, or is killed here.
  int end() {
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  Result<Stream> watch(const Executor& executor) const {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (fd < 0) return std::unexpected(errno_error(errno, "cannot watch git"));
    return Stream(executor, fd);
  }

 private:
  pid_t pid_;
};

// The payload of one packet; empty for a flush packet ("0000"). `raw` gets its bytes as they came.
Task<Result<std::string>> read_packet(Stream& stream, std::size_t max_bytes, std::string& raw) {
  char head[4];
  boost::system::error_code error;
  co_await asio::async_read(stream, asio::buffer(head),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(ErrorCode::cancelled, "the git client has closed the connection");
  std::size_t size = 0;
  for (const char c : head) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) co_return fail(ErrorCode::invalid, "this is not git's protocol");
    size = size * 16 + static_cast<std::size_t>(digit);
  }
  raw.append(head, 4);
  if (size == 0) co_return std::string();
  if (size <= 4 || size > max_bytes)
    co_return fail(ErrorCode::invalid, "a git packet of {} bytes is not expected here", size);
  std::string payload(size - 4, '\0');
  co_await asio::async_read(stream, asio::buffer(payload),
                            asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(ErrorCode::cancelled, "the git client has closed the connection");
  raw += payload;
  co_return payload;
}

Task<void> wait_for(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

Task<void> wait_exit(Stream& watch) {
  boost::system::error_code ignored;
  co_await watch.async_wait(Stream::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> write_text(Stream& stream, std::string text) {
  boost::system::error_code ignored;  // a client that has gone needs no answer
  co_await asio::async_write(stream, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, ignored));
}

// Takes what the client still sends, so that it gets to read the answer instead of a reset
// connection.
Task<void> drain(Stream& stream) {
  ::shutdown(stream.native_handle(), SHUT_WR);
  char buffer[64 * 1024];
  boost::system::error_code error;
  while (!error)
    co_await stream.async_read_some(asio::buffer(buffer),
                                    asio::redirect_error(asio::use_awaitable, error));
}

Task<void> answer_and_close(Stream& stream, std::string text) {
  using namespace asio::experimental::awaitable_operators;
  co_await (write_text(stream, std::move(text)) || wait_for(std::chrono::seconds(5)));
  co_await (drain(stream) || wait_for(std::chrono::seconds(5)));
}

std::vector<std::string> ref_filter(const std::string& branch) {
  std::vector<std::string> options;
  // The last rule that fits decides.
  for (const std::string& rule :
       {std::string("refs/remotes"), std::string("refs/heads/corral"), std::string("refs/corral"),
        "!refs/heads/" + branch, "!refs/corral/" + branch})
    options.insert(options.end(), {"-c", "transfer.hideRefs=" + rule});
  return options;
}

Result<pid_t> start_service(const Git& git, const DaemonSession& session,
                            const DaemonRequest& request, int in, int out) {
  SpawnSpec spec;
  spec.argv = git.command({});
  const auto filter = ref_filter(session.branch);
  spec.argv.insert(spec.argv.end(), filter.begin(), filter.end());
  if (request.push)
    spec.argv.insert(spec.argv.end(), {"receive-pack", session.mirror.string()});
  else
    spec.argv.insert(spec.argv.end(), {"upload-pack", "--strict",
                                       fmt::format("--timeout={}", session.idle_timeout.count()),
                                       session.mirror.string()});
  spec.env = git.environment({});
  if (request.protocol_version > 0)
    spec.env["GIT_PROTOCOL"] = "version=" + std::to_string(request.protocol_version);
  spec.cwd = "/";
  spec.stdin_fd = in;
  spec.stdout_fd = out;
  return spawn(spec);
}

Result<void> service_result(int exit_code) {
  // 128 is also how git ends when its client hangs up: not worth more than a word to the caller.
  if (exit_code != 0)
    return fail(ErrorCode::unavailable, "git ended a workspace's connection with exit code {}",
                exit_code);
  return {};
}

Task<Result<void>> serve_fetch(const Git& git, const DaemonSession& session,
                               const DaemonRequest& request, Stream& stream) {
  Fd connection(stream.release());
  // asio made the socket non-blocking; git owns it now.
  ::fcntl(connection.get(), F_SETFL, ::fcntl(connection.get(), F_GETFL) & ~O_NONBLOCK);
  CORRAL_CO_TRY(const pid_t pid,
                start_service(git, session, request, connection.get(), connection.get()));
  ServiceProcess process(pid);
  connection.reset();  // the client sees the end when git ends
  CORRAL_CO_TRY(auto watch, process.watch(co_await asio::this_coro::executor));
  co_await wait_exit(watch);
  co_return service_result(process.end());
}

struct Push {
  Stream& client;
  Socket& to_git;
  std::string branch;
  std::uint64_t moved = 0;    // bytes, for the idle watch
  Result<void> verdict = {};  // of the command list
  bool side_band = false;
};

// Passes the command list on only after each of its lines was checked, then the rest as it comes.
Task<void> relay_push(Push& push) {
  std::string commands;
  for (bool first = true;; first = false) {
    auto line = co_await read_packet(push.client, 65'520, commands);
    if (!line) {
      if (line.error().code != ErrorCode::cancelled)
        push.verdict = std::unexpected(std::move(line).error());
      push.to_git.close();
      co_return;
    }
    if (commands.size() > kMaxCommandBytes) {
      push.verdict = fail(ErrorCode::invalid, "a push of this many refs is not taken");
      co_return;
    }
    if (line->empty()) break;
    if (first && line->find('\0') != std::string::npos)
      push.side_band = line->find("side-band-64k", line->find('\0')) != std::string::npos;
    if (push.verdict = check_push_command(*line, push.branch); !push.verdict) co_return;
    push.moved += line->size();
  }
  boost::system::error_code error;
  co_await asio::async_write(push.to_git, asio::buffer(commands),
                             asio::redirect_error(asio::use_awaitable, error));
  std::string buffer(std::size_t{128} << 10, '\0');
  while (!error) {
    const auto got = co_await push.client.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(push.to_git, asio::buffer(buffer.data(), got),
                               asio::redirect_error(asio::use_awaitable, error));
    push.moved += got;
  }
  push.to_git.close();
}

// Ends once the command list was refused; else stays until git itself ends.
Task<void> relay_until_refused(Push& push) {
  co_await relay_push(push);
  if (push.verdict) {
    asio::steady_timer forever(co_await asio::this_coro::executor, SteadyClock::time_point::max());
    co_await forever.async_wait(asio::use_awaitable);
  }
}

Task<void> watch_idle(const Push& push, std::chrono::seconds limit) {
  for (std::uint64_t before = 0;; before = push.moved) {
    co_await wait_for(limit);
    if (push.moved == before) co_return;
  }
}

Task<Result<void>> serve_push(const Git& git, const DaemonSession& session,
                              const DaemonRequest& request, Stream& stream) {
  using namespace asio::experimental::awaitable_operators;
  auto executor = co_await asio::this_coro::executor;
  // A socket pair, not a pipe: writing to a git that has ended is then an error and no SIGPIPE.
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    co_return std::unexpected(errno_error(errno, "cannot make a socket pair"));
  Fd read_end(ends[0]);
  Socket to_git(executor, asio::local::stream_protocol(), ends[1]);
  CORRAL_CO_TRY(const pid_t pid,
                start_service(git, session, request, read_end.get(), stream.native_handle()));
  ServiceProcess process(pid);
  read_end.reset();
  CORRAL_CO_TRY(auto watch, process.watch(executor));
  Push push{stream, to_git, session.branch};
  const auto first = co_await (wait_exit(watch) || relay_until_refused(push) ||
                               watch_idle(push, session.idle_timeout));
  const int exit_code = process.end();
  if (!push.verdict) {
    const auto words = "corral: " + push.verdict.error().message + "\n";
    co_await answer_and_close(stream, push.side_band
                                          ? packet("\3" + words) + std::string(kPacketEnd)
                                          : packet("ERR " + words));
    co_return std::move(push.verdict);
  }
  if (first.index() == 2)
    co_return fail(ErrorCode::deadline, "a workspace's push moved nothing for {} s",
                   session.idle_timeout.count());
  co_return service_result(exit_code);
}

}  // namespace

Result<DaemonRequest> parse_daemon_request(std::string_view line) {
  DaemonRequest request;
  const auto end = std::min(line.find('\0'), line.size());
  auto command = line.substr(0, end);
  while (command.ends_with('\n')) command.remove_suffix(1);
  const auto space = command.find(' ');
  const auto service = command.substr(0, space);
  if (service == "git-receive-pack")
    request.push = true;
  else if (service != "git-upload-pack")
    return fail(ErrorCode::invalid,
                "the service '{}' is not offered; git-upload-pack and git-receive-pack are",
                redact_urls(service.substr(0, 40)));
  auto path = space == std::string_view::npos ? std::string_view() : command.substr(space + 1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (path != "/project" && path != "/project.git")
    return fail(
        ErrorCode::not_found,
        "there is no such repository here; this workspace's is git://127.0.0.1:9418/project");
  // "\0host=…\0" then, after one more NUL, the extra parameters.
  const auto extra = line.find(std::string_view("\0\0", 2));
  if (extra != std::string_view::npos) {
    auto rest = line.substr(extra + 2);
    while (!rest.empty()) {
      const auto stop = std::min(rest.find('\0'), rest.size());
      const auto word = rest.substr(0, stop);
      if (word == "version=1") request.protocol_version = 1;
      if (word == "version=2") request.protocol_version = 2;
      rest.remove_prefix(std::min(stop + 1, rest.size()));
    }
  }
  return request;
}

Result<void> check_push_command(std::string_view line, std::string_view branch) {
  line = line.substr(0, line.find('\0'));
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.starts_with("shallow ") && is_commit_hash(line.substr(8))) return {};
  if (line.size() < 83 || !is_commit_hash(line.substr(0, 40)) || line[40] != ' ' ||
      !is_commit_hash(line.substr(41, 40)) || line[81] != ' ')
    return fail(ErrorCode::invalid, "this kind of push is not taken here");
  const auto ref = line.substr(82);
  const auto own = fmt::format("refs/heads/{}", branch),
             below = fmt::format("refs/corral/{}/", branch);
  if (ref != own && !(ref.starts_with(below) && ref.size() > below.size()))
    return fail(ErrorCode::forbidden, "this workspace may push to {} only, not to {}", own,
                ref.substr(0, 200));
  return {};
}

Task<Result<void>> serve_connection(const Git& git, DaemonSession session, Fd connection) {
  using namespace asio::experimental::awaitable_operators;
  Stream stream(co_await asio::this_coro::executor, connection.release());
  std::string raw;
  auto first = co_await (read_packet(stream, kMaxRequestBytes, raw) || wait_for(kRequestTimeout));
  if (first.index() == 1)
    co_return fail(ErrorCode::deadline, "a git client sent no request within {} s",
                   kRequestTimeout.count());
  CORRAL_CO_TRY(const auto line, std::get<0>(std::move(first)));
  const auto request = parse_daemon_request(line);
  if (!request) {
    co_await answer_and_close(stream, packet("ERR corral: " + request.error().message));
    co_return std::unexpected(request.error());
  }
  co_return request->push ? co_await serve_push(git, session, *request, stream)
                          : co_await serve_fetch(git, session, *request, stream);
}

Task<void> refuse_connection(Fd connection, std::string why) {
  Stream stream(co_await asio::this_coro::executor, connection.release());
  co_await answer_and_close(stream, packet("ERR corral: " + why));
}

}  // namespace corral::adapters::git
