#include "runner/runner.h"

#include <algorithm>
#include <csignal>
#include <limits>

#include <unistd.h>

#include "runner/files.h"
#include "runner/link/protocol.h"

namespace corral::runner {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kSignalKeys = 256;
constexpr std::size_t kMaxInputId = 128;
constexpr int kEndRounds = 200;  // of 10 ms: what SIGKILL has not ended by then sits in the kernel

Result<std::uint64_t> whole(JsonReader& params, std::string_view name, std::uint64_t least,
                            std::uint64_t most) {
  CORRAL_TRY(const auto value, params.optional_int(name));
  if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < least ||
      static_cast<std::uint64_t>(*value) > most)
    return fail(ErrorCode::invalid, "\"{}\" must be a whole number from {} to {}", name, least,
                most);
  return static_cast<std::uint64_t>(*value);
}

Result<WindowSize> window_size(JsonReader& params) {
  CORRAL_TRY(const auto columns, whole(params, "columns", 1, 4096));
  CORRAL_TRY(const auto rows, whole(params, "rows", 1, 4096));
  return WindowSize{static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)};
}

Result<std::map<std::string, std::string>> string_map(JsonReader& params, std::string_view name) {
  std::map<std::string, std::string> result;
  const auto* value = params.optional_value(name);
  if (value == nullptr) return result;
  if (!value->is_object()) return fail(ErrorCode::invalid, "\"{}\" must be an object", name);
  for (const auto& [key, text] : value->get_object()) {
    if (!text.is_string() || key.empty() || key.contains('='))
      return fail(ErrorCode::invalid, "\"{}.{}\" is not a variable with a text", name,
                  std::string_view(key));
    result[std::string(key)] = text.get_string();
  }
  return result;
}

json::object done() { return {}; }

}  // namespace

Runner::Runner(Loop& loop, int door, Config config, Spool spool, std::string boot)
    : loop_(loop),
      config_(std::move(config)),
      boot_(std::move(boot)),
      spool_(std::move(spool)),
      link_(loop, door, *this),
      doors_(loop, link_),
      table_(loop, config_, spool_, link_) {}

Runner::~Runner() {
  loop_.cancel(orphan_timer_);
  loop_.cancel(end_timer_);
  loop_.at_end_of_turn({});
}

Result<void> Runner::begin() {
  bring_loopback_up();
  CORRAL_TRY(gateway_port_, doors_.listen(link::StreamKind::gateway, config_.gateway_port));
  CORRAL_TRY(git_port_, doors_.listen(link::StreamKind::git, config_.git_port));
  loop_.at_end_of_turn([this] { at_end_of_turn(); });
  wait_for_server();
  link_.dial();
  return {};
}

void Runner::at_end_of_turn() {
  table_.pump();
  const bool was_open = link_.open();
  link_.flush();
  if (link_.open() && !was_open) table_.pump(), link_.flush();
  doors_.resume();
}

void Runner::wait_for_server() {
  loop_.cancel(orphan_timer_);
  orphan_timer_ = loop_.after(config_.orphan, [this] { orphan_timer_ = 0, shut_down(); });
}

void Runner::shut_down() {
  loop_.cancel(end_timer_);
  if (table_.kill_everything() || ++end_rounds_ > kEndRounds) return loop_.stop();
  end_timer_ = loop_.after(milliseconds(10), [this] { end_timer_ = 0, shut_down(); });
}

json::object Runner::hello() {
  return {{"version", link::kVersion},       {"workspace", config_.workspace},
          {"token", config_.token.expose()}, {"boot", boot_},
          {"gateway_port", gateway_port_},   {"git_port", git_port_}};
}

void Runner::on_link_up() {
  loop_.cancel(orphan_timer_);
  doors_.on_link_up();
}

void Runner::on_link_lost() {
  doors_.on_link_lost();
  table_.on_link_lost();
  wait_for_server();
}

void Runner::on_door_gone() { shut_down(); }

void Runner::on_frame(const link::Frame& frame) {
  if (frame.type != link::FrameType::ack) return doors_.on_frame(frame);
  auto* channel = table_.channel(frame.channel);
  // An offset past the end is a fault of the server that costs it nothing but this acknowledgement.
  if (channel != nullptr && channel->acknowledge(frame.offset)) table_.room_was_made();
}

void Runner::on_message(link::Message message, std::string body) {
  const bool request = message.kind == link::Message::Kind::request;
  if (!request) {
    // The one notification: the server no longer waits for an answer.
    const json::value params(std::move(message.params));
    const auto process = table_.find(find_string(params, {"process"}));
    if (message.method == "forget" && process)
      (*process)->forget_waiter(static_cast<std::uint32_t>(find_int(params, {"id"})));
    return;
  }
  if (auto answer = handle(message, body)) link_.answer(message.id, *std::move(answer));
}

std::optional<Result<json::object>> Runner::handle(link::Message& message, std::string& body) {
  const json::value value(std::move(message.params));
  auto params = *JsonReader::of(value, message.method);
  const auto& method = message.method;
  if (method == "start") return start(params);
  if (method == "wait") return wait(message.id, params);
  if (method == "read") return read(params);
  if (method == "stop_reading") return stop_reading(params);
  if (method == "input") return input(message.id, params, std::move(body));
  if (method == "type") return type(message.id, params, std::move(body));
  if (method == "close_input") return close_input(params);
  if (method == "resize") return resize(params);
  if (method == "signal") return signal(params);
  if (method == "read_file") return read_file(message.id, params);
  if (method == "write_file") return write_file(params, body);
  if (method == "list_folder") return list_folder(params);
  if (method == "shutdown") {
    // After the answer is on its way.
    end_timer_ = loop_.after(milliseconds(0), [this] { end_timer_ = 0, shut_down(); });
    return done();
  }
  return fail(ErrorCode::unsupported, "this runner does not know \"{}\"", method);
}

Result<json::object> Runner::start(JsonReader& params) {
  ProcessRequest request;
  CORRAL_TRY(request.id, params.string("id"));
  CORRAL_TRY(auto argv, params.optional_strings("argv"));
  request.argv = std::move(argv).value_or(std::vector<std::string>{});
  CORRAL_TRY(request.env, string_map(params, "env"));
  CORRAL_TRY(request.cwd, params.string("cwd"));
  if (const auto* terminal = params.optional_value("terminal")) {
    CORRAL_TRY(auto size, JsonReader::of(*terminal, "start: \"terminal\""));
    CORRAL_TRY(request.terminal, window_size(size));
    CORRAL_CHECK(size.finish());
  }
  CORRAL_TRY(const auto input, params.optional_bool("input"));
  CORRAL_TRY(const auto merge, params.optional_bool("merge_errors"));
  CORRAL_TRY(const auto timeout, whole(params, "timeout_ms", 0, 366ull * 24 * 3600 * 1000));
  CORRAL_CHECK(params.finish());
  request.input = input.value_or(false);
  request.merge_errors = merge.value_or(true);
  request.timeout = milliseconds(timeout);
  CORRAL_CHECK(table_.start(request));
  return done();
}

std::optional<Result<json::object>> Runner::wait(std::uint32_t request, JsonReader& params) {
  const auto id = params.string("process");
  if (!id) return std::unexpected(id.error());
  if (const auto known = params.finish(); !known) return std::unexpected(known.error());
  const auto found = table_.find(*id);
  if (!found) return std::unexpected(found.error());
  Process* process = *found;  // remembered as long as the table lives
  process->when_ended(request, [this, request, process] {
    const auto& end = process->end();
    link_.answer(request, json::object{{"exit_code", end.exit_code},
                                       {"timed_out", end.timed_out},
                                       {"killed", end.killed}});
  });
  return std::nullopt;
}

Result<json::object> Runner::read(JsonReader& params) {
  CORRAL_TRY(const auto name, params.string("channel"));
  CORRAL_TRY(const auto from, whole(params, "from", 0, std::numeric_limits<std::int64_t>::max()));
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(auto* channel, table_.find_channel(name));
  CORRAL_TRY(const auto start, channel->subscribe(from));
  table_.room_was_made();
  return json::object{{"channel", channel->number()}, {"from", start}};
}

Result<json::object> Runner::stop_reading(JsonReader& params) {
  CORRAL_TRY(const auto name, params.string("channel"));
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(auto* channel, table_.find_channel(name));
  channel->unsubscribe();
  return done();
}

std::optional<Result<json::object>> Runner::input(std::uint32_t request, JsonReader& params,
                                                  std::string body) {
  const auto process = params.string("process");
  if (!process) return std::unexpected(process.error());
  auto id = params.string("input_id");
  if (!id) return std::unexpected(id.error());
  if (const auto known = params.finish(); !known) return std::unexpected(known.error());
  if (id->empty() || id->size() > kMaxInputId)
    return fail(ErrorCode::invalid, "\"input_id\" must have 1 to {} bytes", kMaxInputId);
  const auto found = table_.find(*process);
  if (!found) return std::unexpected(found.error());
  (*found)->input().add(*std::move(id), std::move(body), [this, request](Result<void> result) {
    if (result)
      link_.answer(request, done());
    else
      link_.answer(request, std::unexpected(result.error()));
  });
  return std::nullopt;
}

std::optional<Result<json::object>> Runner::type(std::uint32_t request, JsonReader& params,
                                                 std::string body) {
  const auto process = params.string("process");
  if (!process) return std::unexpected(process.error());
  auto source = params.string("source");
  if (!source) return std::unexpected(source.error());
  const auto offset = whole(params, "offset", 0, std::numeric_limits<std::int64_t>::max());
  if (!offset) return std::unexpected(offset.error());
  if (const auto known = params.finish(); !known) return std::unexpected(known.error());
  if (source->empty() || source->size() > kMaxInputId)
    return fail(ErrorCode::invalid, "\"source\" must have 1 to {} bytes", kMaxInputId);
  const auto found = table_.find(*process);
  if (!found) return std::unexpected(found.error());
  (*found)->input().type(*std::move(source), *offset, std::move(body),
                         [this, request](Result<std::uint64_t> end) {
                           if (end)
                             link_.answer(request, json::object{{"end", *end}});
                           else
                             link_.answer(request, std::unexpected(end.error()));
                         });
  return std::nullopt;
}

Result<json::object> Runner::close_input(JsonReader& params) {
  CORRAL_TRY(const auto id, params.string("process"));
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(auto* process, table_.find(id));
  process->input().close();
  return done();
}

Result<json::object> Runner::resize(JsonReader& params) {
  CORRAL_TRY(const auto id, params.string("process"));
  CORRAL_TRY(const auto size, window_size(params));
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(auto* process, table_.find(id));
  CORRAL_CHECK(process->resize(size));
  return done();
}

Result<json::object> Runner::signal(JsonReader& params) {
  CORRAL_TRY(const auto id, params.string("process"));
  CORRAL_TRY(const auto number, whole(params, "number", 1, SIGRTMAX));
  CORRAL_TRY(auto key, params.string("key"));
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(auto* process, table_.find(id));
  if (std::ranges::find(signals_done_, key) != signals_done_.end()) return done();
  signals_done_.push_back(std::move(key));
  if (signals_done_.size() > kSignalKeys) signals_done_.pop_front();
  process->signal(static_cast<int>(number));
  return done();
}

Result<std::pair<std::string, std::string>> Runner::locate(const std::string& path) const {
  const auto here = map_path(config_, path);
  for (const auto& root : {config_.root, config_.home})
    if (here.size() > root.size() + 1 && here.starts_with(root) && here[root.size()] == '/')
      return std::pair(root, here.substr(root.size() + 1));
  return fail(ErrorCode::forbidden, "{} is not below /workspace or /home/agent", path);
}

std::optional<Result<json::object>> Runner::read_file(std::uint32_t request, JsonReader& params) {
  const auto path = params.string("path");
  if (!path) return std::unexpected(path.error());
  const auto most = whole(params, "max_bytes", 0, link::kMaxBodyBytes);
  if (!most) return std::unexpected(most.error());
  if (const auto known = params.finish(); !known) return std::unexpected(known.error());
  const auto place = locate(*path);
  if (!place) return std::unexpected(place.error());
  const auto content = read_file_below(place->first, place->second, *most);
  if (!content) return std::unexpected(content.error());
  link_.answer(request, done(), *content);
  return std::nullopt;
}

Result<json::object> Runner::write_file(JsonReader& params, std::string_view body) {
  CORRAL_TRY(const auto path, params.string("path"));
  std::optional<unsigned> mode;
  if (params.optional_value("mode") != nullptr) {
    CORRAL_TRY(const auto given, whole(params, "mode", 0, 0777));
    mode = static_cast<unsigned>(given);
  }
  CORRAL_CHECK(params.finish());
  CORRAL_TRY(const auto place, locate(path));
  CORRAL_CHECK(write_file_below(place.first, place.second, body, mode));
  return done();
}

Result<json::object> Runner::list_folder(JsonReader& params) {
  CORRAL_TRY(const auto path, params.string("path"));
  CORRAL_TRY(const auto most, whole(params, "max_entries", 1, link::kMaxFolderEntries));
  CORRAL_CHECK(params.finish());
  for (const auto& root : {config_.root, config_.home})
    if (map_path(config_, path) == root)
      return list_folder_below(root, {}, most, link::kMaxFolderBytes);
  CORRAL_TRY(const auto place, locate(path));
  return list_folder_below(place.first, place.second, most, link::kMaxFolderBytes);
}

}  // namespace corral::runner
