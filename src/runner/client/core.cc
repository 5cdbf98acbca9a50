#include "runner/client/core.h"

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "runner/client/door_stream.h"

namespace corral::runner::client {
namespace {

constexpr Duration kGreetWithin{10'000};
constexpr std::size_t kMaxGreeting = 8;

Error closed() { return Error{ErrorCode::cancelled, "the workspace's client was closed", nullptr}; }

Result<void> check_body(std::string_view method, std::size_t size) {
  if (size <= link::kMaxBodyBytes) return {};
  return fail(ErrorCode::exhausted, "{} with {} bytes; at most {} are allowed", method, size,
              link::kMaxBodyBytes);
}

}  // namespace

Core::Core(Executor executor, Clock& clock, ClientOptions options)
    : executor_(executor), clock_(clock), options_(std::move(options)), changed_(executor) {}

void Core::accepted(Fd socket) {
  std::erase_if(greeting_, [](const auto& entry) {
    return entry.expired() || entry.lock()->dropped() || entry.lock()->is_greeted();
  });
  if (gone_ || greeting_.size() >= kMaxGreeting) return;  // closes it
  auto connection =
      std::make_shared<Connection>(executor_, clock_, shared_from_this(), std::move(socket));
  greeting_.push_back(connection);
  connection->begin(options_.ping_after, options_.dead_after, kGreetWithin);
}

Result<void> Core::check_hello(JsonReader& params) {
  CORRAL_TRY(const auto version, params.optional_int("version"));
  if (version != link::kVersion)
    return fail(ErrorCode::unsupported, "the runner speaks link version {}, this server speaks {}",
                version.value_or(0), link::kVersion);
  CORRAL_TRY(const auto workspace, params.string("workspace"));
  CORRAL_TRY(const auto token, params.string("token"));
  CORRAL_TRY(const auto boot, params.string("boot"));
  CORRAL_TRY(const auto gateway, params.optional_int("gateway_port"));
  CORRAL_TRY(const auto git, params.optional_int("git_port"));
  CORRAL_CHECK(params.finish());
  if (workspace != options_.workspace.to_string() || !options_.token.equals(token))
    return fail(ErrorCode::unauthenticated, "the workspace or the link token is not the right one");
  // The processes that this client knows live in the runner that it has met; another one never had
  // them.
  if (!boot_.empty() && boot_ != boot)
    return fail(ErrorCode::conflict, "another runner holds this workspace");
  boot_ = boot;
  gateway_port_ = static_cast<std::uint16_t>(gateway.value_or(0));
  git_port_ = static_cast<std::uint16_t>(git.value_or(0));
  return {};
}

Result<void> Core::on_hello(Connection& connection, const link::Message& message) {
  if (message.kind != link::Message::Kind::request || message.method != "hello")
    return fail(ErrorCode::corrupt, "a runner begins with a hello");
  const json::value value(message.params);
  auto params = *JsonReader::of(value, "hello");
  if (const auto good = check_hello(params); !good) {
    log::warning("runner.refused",
                 {{"workspace", options_.workspace.to_string()}, {"why", good.error().message}});
    connection.send_control(link::error_text(message.id, good.error()));
    connection.drop(good.error(), Connection::Flush::last_words);
    return {};
  }
  if (auto older = std::exchange(connection_, connection.shared_from_this())) {
    older->abandon();
    lose_link();
  }
  connection.greeted();
  connection.send_control(link::result_text(message.id, {{"version", link::kVersion}}));
  changed_.notify();
  return {};
}

Result<void> Core::on_message(Connection& connection, link::Message message, std::string body) {
  if (!connection.is_greeted()) return on_hello(connection, message);
  if (&connection != connection_.get()) return {};
  if (message.kind == link::Message::Kind::request) {
    connection.send_control(link::error_text(
        message.id, Error{ErrorCode::unsupported,
                          "this server does not know \"" + message.method + "\"", nullptr}));
    return {};
  }
  if (message.kind == link::Message::Kind::notification)
    return on_notification(message), Result<void>{};
  const auto at = calls_.find(message.id);
  if (at == calls_.end()) return {};  // the caller went away meanwhile
  auto& call = *at->second;
  if (message.result && call.on_reply) call.on_reply(*message.result);
  if (message.result)
    call.reply = Reply{*std::move(message.result), std::move(body)};
  else
    call.reply = std::unexpected(std::move(message.result.error()));
  call.wake.notify();
  return {};
}

void Core::on_notification(const link::Message& message) {
  const json::value params(message.params);
  if (message.method != "channel_failed") return;  // a newer runner may tell more
  const auto reader = readers_.find(std::string(find_string(params, {"channel"})));
  if (reader == readers_.end()) return;
  reader->second->failed = Error{error_code_from(find_string(params, {"code"})),
                                 std::string(find_string(params, {"message"})), nullptr};
  reader->second->wake.notify();
}

void Core::on_dropped(Connection& connection, const Error& why) {
  if (&connection != connection_.get()) return;
  log::info("runner.link_lost",
            {{"workspace", options_.workspace.to_string()}, {"why", why.message}});
  connection_.reset();
  lose_link();
  changed_.notify();
}

void Core::lose_link() {
  for (auto& [id, call] : std::exchange(calls_, {})) call->wake.notify();
  for (auto& [name, reader] : readers_) {
    reader->number = 0;
    reader->wake.notify();
  }
  for (auto& [id, stream] : std::exchange(streams_, {})) stream->abort();
}

void Core::mark_gone(Error why) {
  if (gone_) return;
  gone_ = Error{ErrorCode::unavailable, "the workspace's runner is gone: " + why.message,
                std::make_shared<const Error>(why)};
  close();
}

void Core::close() {
  if (!gone_) gone_ = closed();
  for (const auto& entry : greeting_)
    if (const auto connection = entry.lock()) connection->abandon();
  if (const auto connection = std::exchange(connection_, nullptr)) connection->abandon();
  lose_link();
  changed_.notify();
}

Task<void> Core::wait_for_link(std::shared_ptr<Core> self) {
  while (!self->gone_ && !self->linked()) co_await self->changed_.wait();
}

Task<Result<Core::Reply>> Core::call(std::shared_ptr<Core> self, std::string method,
                                     json::object params, std::string body, OnReply on_reply) {
  CORRAL_CO_CHECK(check_body(method, body.size()));
  for (;;) {
    co_await wait_for_link(self);
    if (self->gone_) co_return std::unexpected(*self->gone_);
    const auto connection = self->connection_;
    const auto call = std::make_shared<Call>(self->executor_);
    call->on_reply = on_reply;
    const std::uint32_t id = ++self->last_id_;
    const auto text = link::request_text(id, method, params, body.size());
    if (text.size() > link::kMaxControlBytes)
      co_return fail(ErrorCode::exhausted, "{} with {} bytes of parameters; at most {} are allowed",
                     method, text.size(), link::kMaxControlBytes);
    self->calls_.emplace(id, call);
    struct Forget {  // also when the caller is cancelled
      Core& core;
      Connection& link;
      std::uint32_t id;
      const json::object& params;
      ~Forget() {
        if (core.calls_.erase(id) == 0) return;
        if (const auto* process = params.if_contains("process"))
          link.send_control(link::notification_text("forget", {{"process", *process}, {"id", id}}));
      }
    };
    {
      const Forget forget{*self, *connection, id, params};
      connection->send_request(id, text, body);
      while (!call->reply && self->connection_ == connection) co_await call->wake.wait();
      if (call->reply) self->calls_.erase(id);
    }
    if (call->reply) co_return *std::move(call->reply);
  }
}

class Core::InputTurn {
 public:
  InputTurn(Core& core, const std::string& process)
      : core_(core),
        process_(process),
        place_(
            core.input_turns_[process].emplace(core.input_turns_[process].end(), core.executor_)) {}
  ~InputTurn() {
    auto& turns = core_.input_turns_[process_];
    turns.erase(place_);
    if (turns.empty())
      core_.input_turns_.erase(process_);
    else
      turns.front().notify();
  }
  InputTurn(const InputTurn&) = delete;
  InputTurn& operator=(const InputTurn&) = delete;
  bool come() const { return core_.input_turns_.at(process_).begin() == place_; }
  Task<void> wait() { return place_->wait(); }

 private:
  Core& core_;
  const std::string& process_;
  std::list<Wake>::iterator place_;
};

Task<Result<void>> Core::input(std::shared_ptr<Core> self, std::string process,
                               std::string input_id, std::string bytes) {
  CORRAL_CO_CHECK(check_body("input", bytes.size()));  // without waiting for its turn
  InputTurn turn(*self, process);
  while (!turn.come()) co_await turn.wait();
  CORRAL_CO_CHECK(co_await call(self, "input", {{"process", process}, {"input_id", input_id}},
                                std::move(bytes)));
  co_return Result<void>{};
}

Task<Result<std::uint64_t>> Core::type(std::shared_ptr<Core> self, std::string process,
                                       std::string source, std::uint64_t offset,
                                       std::string bytes) {
  CORRAL_CO_CHECK(check_body("type", bytes.size()));
  InputTurn turn(*self, process);
  while (!turn.come()) co_await turn.wait();
  CORRAL_CO_TRY(
      const auto reply,
      co_await call(self, "type", {{"process", process}, {"source", source}, {"offset", offset}},
                    std::move(bytes)));
  co_return static_cast<std::uint64_t>(find_int(json::value(reply.result), {"end"}));
}

Task<Result<void>> Core::close_input(std::shared_ptr<Core> self, std::string process) {
  InputTurn turn(*self, process);
  while (!turn.come()) co_await turn.wait();
  CORRAL_CO_CHECK(co_await call(self, "close_input", {{"process", process}}));
  co_return Result<void>{};
}

Result<void> Core::on_frame(Connection& connection, const link::Frame& frame) {
  if (&connection != connection_.get()) return {};
  if (frame.type == link::FrameType::data) return on_data(frame);
  if (frame.type == link::FrameType::ack)
    return fail(ErrorCode::corrupt, "an acknowledgement came from the runner");
  if (frame.type == link::FrameType::stream_open) return open_stream(frame), Result<void>{};
  const auto at = streams_.find(frame.channel);
  if (at == streams_.end()) return {};  // closed here while the frame was on its way
  const auto stream = at->second;
  return stream->on_frame(frame);
}

void Core::open_stream(const link::Frame& frame) {
  const auto refuse = [&] {
    connection_->send({.type = link::FrameType::stream_close, .channel = frame.channel});
  };
  const bool git = frame.offset == static_cast<std::uint64_t>(link::StreamKind::git);
  if (!git && frame.offset != static_cast<std::uint64_t>(link::StreamKind::gateway))
    return refuse();
  if (streams_.contains(frame.channel) || streams_.size() >= link::kMaxStreams || !options_.door)
    return refuse();
  auto opened = DoorStream::open(executor_, connection_, frame.channel,
                                 [weak = weak_from_this()](std::uint32_t id) {
                                   if (const auto core = weak.lock()) core->streams_.erase(id);
                                 });
  if (!opened) {
    log::warning("runner.stream_failed",
                 {{"workspace", options_.workspace.to_string()}, {"why", opened.error().message}});
    return refuse();
  }
  streams_.emplace(frame.channel, opened->stream);
  options_.door(options_.workspace, git ? ports::DoorKind::git : ports::DoorKind::gateway,
                std::move(opened->outside));
}

}  // namespace corral::runner::client
