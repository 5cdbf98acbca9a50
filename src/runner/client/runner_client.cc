#include "runner/client/runner_client.h"

#include <algorithm>
#include <csignal>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/random.h"
#include "runner/client/core.h"

namespace corral::runner::client {
namespace {

Task<Result<void>> done(Task<Result<Core::Reply>> call) {
  CORRAL_CO_CHECK(co_await std::move(call));
  co_return Result<void>{};
}

json::object size_of(ports::TerminalSize size) {
  return {{"columns", size.columns}, {"rows", size.rows}};
}

json::object start_params(const ports::ProcessSpec& spec) {
  json::object params{{"id", spec.id},
                      {"argv", json::value_from(spec.argv)},
                      {"env", json::value_from(spec.env)},
                      {"cwd", spec.cwd},
                      {"input", spec.input},
                      {"merge_errors", spec.merge_errors},
                      {"timeout_ms", spec.timeout.count()}};
  if (spec.terminal) params["terminal"] = size_of(*spec.terminal);
  return params;
}

Task<Result<ports::ProcessExit>> wait_for(std::shared_ptr<Core> core, std::string process) {
  CORRAL_CO_TRY(const auto reply, co_await Core::call(core, "wait", {{"process", process}}));
  const json::value end(reply.result);
  ports::ProcessExit exit{.exit_code = static_cast<int>(find_int(end, {"exit_code"})),
                          .timed_out = find_bool(end, {"timed_out"})};
  // Who else sends SIGKILL in there: the kernel, for lack of memory.
  const bool unasked_kill = exit.exit_code == 128 + SIGKILL && !find_bool(end, {"killed"});
  exit.out_of_memory =
      unasked_kill && core->options().out_of_memory && core->options().out_of_memory();
  co_return exit;
}

Task<Result<std::string>> read_whole_file(std::shared_ptr<Core> core, json::object params) {
  CORRAL_CO_TRY(auto reply, co_await Core::call(core, "read_file", std::move(params)));
  co_return std::move(reply.body);
}

// The runner is the server's own program, but what it tells of comes from inside.
Result<ports::FolderEntry> entry_from(const json::value& value) {
  using Type = ports::FolderEntry::Type;
  constexpr std::int64_t kEndOf9999 = 253'402'300'799'999;
  ports::FolderEntry entry{
      .name = std::string(find_string(value, {"name"})),
      .size_bytes =
          static_cast<std::uint64_t>(std::max<std::int64_t>(find_int(value, {"size_bytes"}), 0)),
      .modified =
          Time(Duration(std::clamp<std::int64_t>(find_int(value, {"modified_ms"}), 0, kEndOf9999))),
      .target = std::string(find_string(value, {"target"}))};
  if (entry.name.empty() || entry.name == "." || entry.name == ".." || entry.name.contains('/'))
    return fail(ErrorCode::corrupt, "the runner lists an entry \"{}\"", entry.name);
  const auto type = find_string(value, {"type"});
  for (const auto known : {Type::file, Type::folder, Type::link})
    if (type == to_string(known)) entry.type = known;
  return entry;
}

Task<Result<ports::FolderListing>> list_whole_folder(std::shared_ptr<Core> core,
                                                     json::object params) {
  CORRAL_CO_TRY(auto reply, co_await Core::call(core, "list_folder", std::move(params)));
  const json::value answer(std::move(reply.result));
  ports::FolderListing listing{.entries = {},
                               .truncated = find_bool(answer, {"truncated"}),
                               .left_out = static_cast<std::uint64_t>(
                                   std::max<std::int64_t>(find_int(answer, {"left_out"}), 0))};
  if (const auto* entries = find(answer, {"entries"}); entries != nullptr && entries->is_array())
    for (const auto& value : entries->get_array()) {
      CORRAL_CO_TRY(auto entry, entry_from(value));
      listing.entries.push_back(std::move(entry));
    }
  co_return listing;
}

Task<Result<void>> link_within(std::shared_ptr<Core> core, Duration timeout) {
  using namespace asio::experimental::awaitable_operators;
  if (!core->linked() && !core->gone())
    co_await (Core::wait_for_link(core) || core->clock().sleep(timeout));
  if (core->gone()) co_return std::unexpected(*core->gone());
  if (!core->linked())
    co_return fail(ErrorCode::deadline, "the runner of workspace {} did not link within {} ms",
                   core->options().workspace.to_string(), timeout.count());
  co_return Result<void>{};
}

Task<Result<void>> shut_down_within(std::shared_ptr<Core> core, Duration timeout) {
  using namespace asio::experimental::awaitable_operators;
  if (core->gone()) co_return Result<void>{};
  auto first = co_await (done(Core::call(core, "shutdown", {})) || core->clock().sleep(timeout));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return fail(ErrorCode::deadline,
                 "the runner of workspace {} did not take the order to end within {} ms",
                 core->options().workspace.to_string(), timeout.count());
}

}  // namespace

RunnerClient::RunnerClient(Executor executor, Clock& clock, ClientOptions options)
    : core_(std::make_shared<Core>(std::move(executor), clock, std::move(options))) {}
RunnerClient::~RunnerClient() { core_->close(); }

void RunnerClient::accepted(Fd connection) { core_->accepted(std::move(connection)); }
Task<Result<void>> RunnerClient::connected(Duration timeout) { return link_within(core_, timeout); }
void RunnerClient::mark_gone(Error why) { core_->mark_gone(std::move(why)); }
Task<Result<void>> RunnerClient::shutdown(Duration timeout) {
  return shut_down_within(core_, timeout);
}
bool RunnerClient::linked() const { return core_->linked(); }
std::uint16_t RunnerClient::gateway_port() const { return core_->gateway_port(); }
std::uint16_t RunnerClient::git_port() const { return core_->git_port(); }

WorkspaceId RunnerClient::id() const { return core_->options().workspace; }
ports::Isolation RunnerClient::isolation() const { return core_->options().isolation; }
bool RunnerClient::gone() const { return core_->gone().has_value(); }
std::string RunnerClient::gateway_url() const {
  return fmt::format("http://127.0.0.1:{}", gateway_port());
}
std::string RunnerClient::git_url() const {
  return fmt::format("git://127.0.0.1:{}/project", git_port());
}

Task<Result<void>> RunnerClient::start(ports::ProcessSpec spec) {
  return done(Core::call(core_, "start", start_params(spec)));
}

Task<Result<ports::ProcessExit>> RunnerClient::wait(std::string process) {
  return wait_for(core_, std::move(process));
}

Task<Result<std::uint64_t>> RunnerClient::read_output(std::string channel, std::uint64_t from,
                                                      ports::OutputSink sink) {
  return Core::read_output(core_, std::move(channel), from, std::move(sink));
}

Task<Result<std::uint64_t>> RunnerClient::read_output_ahead(std::string channel, std::uint64_t from,
                                                            ports::OutputSink sink) {
  return Core::read_output_ahead(core_, std::move(channel), from, std::move(sink));
}

Task<Result<void>> RunnerClient::input(std::string process, std::string input_id,
                                       std::string bytes) {
  return Core::input(core_, std::move(process), std::move(input_id), std::move(bytes));
}

Task<Result<std::uint64_t>> RunnerClient::type(std::string process, std::string source,
                                               std::uint64_t offset, std::string bytes) {
  return Core::type(core_, std::move(process), std::move(source), offset, std::move(bytes));
}

// In its turn: after the inputs that were given before it.
Task<Result<void>> RunnerClient::close_input(std::string process) {
  return Core::close_input(core_, std::move(process));
}

Task<Result<void>> RunnerClient::resize(std::string process, ports::TerminalSize size) {
  auto params = size_of(size);
  params["process"] = process;
  return done(Core::call(core_, "resize", std::move(params)));
}

Task<Result<void>> RunnerClient::signal(std::string process, int number) {
  // The key makes it one signal, however often the call is repeated over a bad link.
  return done(Core::call(
      core_, "signal",
      {{"process", process}, {"number", number}, {"key", SystemRandom::instance().hex(16)}}));
}

Task<Result<std::string>> RunnerClient::read_file(std::string path, std::size_t max_bytes) {
  return read_whole_file(core_,
                         {{"path", path}, {"max_bytes", std::min(max_bytes, link::kMaxBodyBytes)}});
}

Task<Result<void>> RunnerClient::write_file(std::string path, std::string bytes,
                                            std::optional<unsigned> mode) {
  json::object params{{"path", path}};
  if (mode) params["mode"] = *mode;
  return done(Core::call(core_, "write_file", std::move(params), std::move(bytes)));
}

Task<Result<ports::FolderListing>> RunnerClient::list_folder(std::string path,
                                                             std::size_t max_entries) {
  return list_whole_folder(
      core_, {{"path", path},
              {"max_entries", std::clamp<std::size_t>(max_entries, 1, link::kMaxFolderEntries)}});
}

Secret to_json_line(const RunnerConfig& config) {
  const json::object line{{"workspace", config.workspace.to_string()},
                          {"token", config.token.expose()},
                          {"gateway_port", config.gateway_port},
                          {"git_port", config.git_port},
                          {"spool_bytes", config.spool_bytes},
                          {"orphan_s", config.orphan_s},
                          {"root", config.root},
                          {"home", config.home},
                          {"env", json::value_from(config.env)}};
  return Secret(json::serialize(line) + "\n");
}

}  // namespace corral::runner::client
