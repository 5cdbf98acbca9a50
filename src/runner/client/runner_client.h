// The server's side of the runner link: a live workspace (ports::Workspace) over whatever
// connection its runner has dialled. Every launcher uses it; how the bytes get here (Unix socket,
// WebSocket) is the launcher's matter. docs/runner-link.md describes the protocol.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/secret.h"
#include "base/task.h"
#include "ports/launcher.h"

namespace corral::runner::client {

struct ClientOptions {
  WorkspaceId workspace;
  Secret token;  // the link token that the runner's configuration line holds
  ports::Isolation isolation = ports::Isolation::sandbox;
  ports::Door door;  // may be empty: connections to the door are then refused
  // Whether the kernel has killed something of this workspace for lack of memory. Asked when a
  // process was killed by a SIGKILL that the runner did not send; may be empty. Must not block.
  std::function<bool()> out_of_memory;
  // A peer that sent nothing for `dead_after` is taken for dead; a ping goes out after `ping_after`
  // of silence.
  Duration ping_after{5'000};
  Duration dead_after{15'000};
};

class Core;

// Lives on one executor; every method is called there, and the door is called there. Destroying it
// drops the link (the runner goes on and dials again) and fails the calls that wait with
// `cancelled`: it need not be stopped first.
class RunnerClient final : public ports::Workspace {
 public:
  // `clock` outlives it.
  RunnerClient(Executor executor, Clock& clock, ClientOptions options);
  ~RunnerClient() override;

  // ---- for the launcher ----

  // A fresh connection from the runner: a connected stream socket. It replaces the one before it
  // once its hello has been checked (protocol version, workspace, token in constant time);
  // otherwise it gets the reason and is closed.
  void accepted(Fd connection);
  // Waits for the first hello. `deadline` when it did not come in time; `unavailable` when
  // mark_gone() came first.
  Task<Result<void>> connected(Duration timeout);
  // The runner is known to be dead: gone() is true from here on, and every call fails with
  // `unavailable` and this reason.
  void mark_gone(Error why);
  // Asks the runner to kill everything and to end. Success when it has said that it will; the
  // launcher then waits for the process to end. Does not wait for a lost link longer than
  // `timeout`.
  Task<Result<void>> shutdown(Duration timeout);
  bool linked() const;
  // Where the door listens inside; the agreed ports unless the configuration said 0. Known once
  // connected.
  std::uint16_t gateway_port() const;
  std::uint16_t git_port() const;

  // ---- ports::Workspace ----
  WorkspaceId id() const override;
  ports::Isolation isolation() const override;
  bool gone() const override;
  std::string gateway_url() const override;
  std::string git_url() const override;
  Task<Result<void>> start(ports::ProcessSpec spec) override;
  Task<Result<ports::ProcessExit>> wait(std::string process) override;
  Task<Result<std::uint64_t>> read_output(std::string channel, std::uint64_t from,
                                          ports::OutputSink sink) override;
  Task<Result<std::uint64_t>> read_output_ahead(std::string channel, std::uint64_t from,
                                                ports::OutputSink sink) override;
  Task<Result<void>> input(std::string process, std::string input_id, std::string bytes) override;
  Task<Result<std::uint64_t>> type(std::string process, std::string source, std::uint64_t offset,
                                   std::string bytes) override;
  Task<Result<void>> close_input(std::string process) override;
  Task<Result<void>> resize(std::string process, ports::TerminalSize size) override;
  Task<Result<void>> signal(std::string process, int number) override;
  Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes) override;
  Task<Result<void>> write_file(std::string path, std::string bytes,
                                std::optional<unsigned> mode) override;
  Task<Result<ports::FolderListing>> list_folder(std::string path,
                                                 std::size_t max_entries) override;

 private:
  std::shared_ptr<Core> core_;  // its tasks keep it alive until they have ended
};

// The Unix socket that a runner dials: "link.sock" in the door folder. Accepts for as long as it
// lives.
class LinkListener {
 public:
  // Binds `link.sock` in the folder `door` (an open directory; any path length), replacing an older
  // one, and hands every connection to `client`, on the client's executor. The folder must be
  // searchable by the runner's uid; the socket itself is open to all who reach it, because the
  // token decides.
  static Result<std::unique_ptr<LinkListener>> listen(Executor executor, int door,
                                                      std::shared_ptr<RunnerClient> client);
  ~LinkListener();
  LinkListener(const LinkListener&) = delete;
  LinkListener& operator=(const LinkListener&) = delete;

 private:
  struct State;
  explicit LinkListener(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// The configuration line that the runner reads from its descriptor 5.
struct RunnerConfig {
  WorkspaceId workspace;
  Secret token;
  std::uint16_t gateway_port = 8377;  // 0: any free one (no network namespace of its own)
  std::uint16_t git_port = 9418;
  std::uint64_t spool_bytes = 64ull << 20;
  std::uint64_t orphan_s = 24 * 3600;  // with no server for that long, the runner ends everything
  // What "/workspace" and "/home/agent" are in there: the same, but for a workspace without a mount
  // namespace.
  std::string root = "/workspace";
  std::string home = "/home/agent";
  std::map<std::string, std::string> env;  // added to the base environment of every process
};
// One line with its newline. It holds the token.
Secret to_json_line(const RunnerConfig& config);

}  // namespace corral::runner::client
