#include "adapters/agent/acp_driver.h"

#include "adapters/agent/steps.h"
#include "adapters/agent/transcript.h"
#include "base/plain_text.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentResult;
using Kind = ports::AgentEvent::Kind;
using Step = ports::AgentDriver::Step;

constexpr int kProtocolVersion = 1;
constexpr int kMethodNotFound = -32601;
constexpr std::size_t kMaxOpenCalls = 1000;
constexpr std::size_t kMaxSpeech = 1u << 20;  // of one message; a longer one becomes several
constexpr std::string_view kFolder = "/workspace";

void send(Step& step, const std::string& id, json::object message) {
  message["jsonrpc"] = "2.0";
  add_input(step, id, json::serialize(message) + "\n");
}

std::string id_text(const json::value& id) {
  return shorten(id.is_string() ? plain_text(id.get_string()) : json::serialize(id), 200);
}

// JSON-RPC's errors hide what went wrong in their data.
std::string error_text(const json::value& error) {
  std::string text(find_string(error, {"message"}));
  std::string detail(find_string(error, {"data"}));
  for (const std::string_view name : {"details", "message"})
    if (detail.empty()) detail = find_string(error, {"data", name});
  if (!detail.empty() && detail != text) text += (text.empty() ? "" : ": ") + detail;
  return text.empty() ? "it gave no reason" : text;
}

// The mildest option of those kinds, the first named first.
std::string option_of(const json::value& options, std::initializer_list<std::string_view> kinds) {
  if (!options.is_array()) return "";
  for (const auto kind : kinds)
    for (const auto& option : options.get_array())
      if (find_string(option, {"kind"}) == kind)
        return std::string(find_string(option, {"optionId"}));
  return "";
}

}  // namespace

AcpDriver::AcpDriver(const ports::AgentTask& task, std::string title)
    : JsonLinesDriver(task, std::move(title)),
      session_to_load_(task.resume ? task.session_id : ""),
      model_(task.model) {
  say_last(task.prompt);
}

void AcpDriver::request(Step& step, std::string_view method, json::object params) {
  waiting_for_ = method;
  ++last_id_;
  send(step, fmt::format("request-{}", last_id_),
       {{"id", last_id_}, {"method", method}, {"params", std::move(params)}});
}

Step AcpDriver::begin() {
  Step step;
  request(step, "initialize",
          {{"protocolVersion", kProtocolVersion},
           {"clientCapabilities",
            {{"fs", {{"readTextFile", false}, {"writeTextFile", false}}}, {"terminal", false}}},
           {"clientInfo", {{"name", "corral"}, {"title", "Corral"}, {"version", "1"}}}});
  return step;
}

void AcpDriver::on_message(Step& step, const json::value& message) {
  const bool has_id = message.get_object().contains("id");
  const auto method = find_string(message, {"method"});
  if (!method.empty() && has_id)
    on_request(step, message);
  else if (method == "session/update")
    on_update(step, message);
  else if (method.empty() && has_id)
    on_answer(step, message);
}

// ---- what the agent asks ----

void AcpDriver::on_request(Step& step, const json::value& message) {
  const auto method = find_string(message, {"method"});
  if (method == "session/request_permission") return on_permission(step, message);
  // It waits for an answer to whatever it asks.
  const auto& id = message.at("id");
  send(step, "reply-" + id_text(id),
       {{"id", id},
        {"error",
         {{"code", kMethodNotFound}, {"message", fmt::format("{} is not offered here", method)}}}});
}

void AcpDriver::on_permission(Step& step, const json::value& message) {
  end_speech(step);
  const auto& rpc_id = message.at("id");
  const std::string id = id_text(rpc_id);
  const auto* update = find(message, {"params", "toolCall"});
  const std::string call_id(update == nullptr ? std::string_view()
                                              : find_string(*update, {"toolCallId"}));
  auto& call = call_of(call_id);
  if (update != nullptr) call.take(*update);
  if (!call.shown) show_call(step, call_id, call);
  const auto* offered = find(message, {"params", "options"});
  const json::value options = offered == nullptr ? json::value() : *offered;
  Question question{rpc_id,
                    call_id,
                    call.tool(),
                    call.input(),
                    option_of(options, {"allow_once", "allow_always"}),
                    option_of(options, {"reject_once", "reject_always"})};
  add(step,
      {.kind = Kind::permission_request,
       .id = id,
       .text = tool_subject(question.tool, question.input),
       .tool = question.tool,
       .input = question.input},
      people_decide_ ? render_permission_request(question.tool, question.input) : "");
  questions_[id] = std::move(question);
}

void AcpDriver::reply(Step& step, std::string input_id, const json::value& rpc_id,
                      json::object outcome) {
  send(step, std::move(input_id), {{"id", rpc_id}, {"result", {{"outcome", std::move(outcome)}}}});
}

Step AcpDriver::answer(std::string_view permission_id, bool allow, std::string_view message) {
  Step step;
  const auto found = questions_.find(permission_id);
  if (found == questions_.end()) return step;  // answered already, or withdrawn
  const std::string id = found->first;
  const auto& question = found->second;
  const auto& option = allow ? question.allow : question.deny;
  if (option.empty())
    reply(step, "permission-" + id, question.rpc_id, {{"outcome", "cancelled"}});
  else
    reply(step, "permission-" + id, question.rpc_id,
          {{"outcome", "selected"}, {"optionId", option}});
  if (!allow) {
    denial_ = message.empty() ? "The person in charge did not allow this." : message;
    // Some agents tell no more of a call that was denied; what others tell is no news.
    calls_.erase(question.call);
    if (denied_.size() < kMaxOpenCalls) denied_.insert(question.call);
  }
  add_answer(step, id, question.tool, allow, message);
  questions_.erase(found);
  return step;
}

const std::string* AcpDriver::open_question() const {
  return questions_.empty() ? nullptr : &questions_.begin()->first;
}

// The turn then ends as cancelled. Before there is one, what it was to begin with is not said.
Step AcpDriver::interrupt() {
  Step step;
  if (finished_) return step;
  interrupted_ = true;
  if (session_.empty() && has_more_to_say()) drop_next_to_say();
  for (const auto& [id, question] : questions_) {
    reply(step, "permission-" + id, question.rpc_id, {{"outcome", "cancelled"}});
    add(step,
        {.kind = Kind::permission_answer,
         .id = id,
         .text = "withdrawn",
         .tool = question.tool,
         .is_error = true},
        "");
  }
  questions_.clear();
  if (!session_.empty())
    send(step, fmt::format("interrupt-{}", ++interrupts_),
         {{"method", "session/cancel"}, {"params", {{"sessionId", session_}}}});
  return step;
}

// ---- answers to what was asked of it ----

void AcpDriver::on_answer(Step& step, const json::value& message) {
  const auto& id = message.at("id");
  if (finished_ || waiting_for_.empty() || !id.is_int64() || id.get_int64() != last_id_) return;
  const std::string method = std::exchange(waiting_for_, {});
  if (const auto* error = find(message, {"error"}); error != nullptr && !error->is_null()) {
    end_speech(step);
    return fail_with(step, interrupted_ ? "it was interrupted" : error_text(*error));
  }
  const auto* found = find(message, {"result"});
  const json::value result = found == nullptr ? json::value(json::object()) : *found;
  if (method == "initialize") {
    if (const auto version = find_int(result, {"protocolVersion"}, kProtocolVersion);
        version != kProtocolVersion)
      return fail_with(step, fmt::format("{} speaks version {} of the Agent Client Protocol, and "
                                         "Corral version {}",
                                         title_, version, kProtocolVersion));
    json::object params{{"cwd", kFolder}, {"mcpServers", json::array()}};
    if (session_to_load_.empty()) return request(step, "session/new", std::move(params));
    params["sessionId"] = session_to_load_;
    return request(step, "session/load", std::move(params));
  }
  if (method == "session/prompt") return on_turn_end(step, result);
  on_session(step, result);
}

void AcpDriver::on_session(Step& step, const json::value& result) {
  session_ = session_to_load_.empty() ? find_string(result, {"sessionId"}) : session_to_load_;
  if (session_.empty()) return fail_with(step, "it began no session");
  std::string model = model_;
  if (model.empty()) model = find_string(result, {"models", "currentModelId"});
  if (const auto* settings = find(result, {"configOptions"});
      model.empty() && settings != nullptr && settings->is_array())
    for (const auto& setting : settings->get_array())
      if (find_string(setting, {"category"}) == "model")
        model = find_string(setting, {"currentValue"});
  if (model.empty()) model = title_;
  add(step, {.kind = Kind::started, .id = session_, .text = event_text(model)},
      render_started(model));
  interrupted_ = false;
  if (!has_more_to_say()) return fail_with(step, "it was interrupted");
  send_prompt(step);
}

void AcpDriver::send_prompt(Step& step) {
  const auto text = next_to_say(step);
  request(step, "session/prompt",
          {{"sessionId", session_},
           {"prompt", json::array{json::object{{"type", "text"}, {"text", text}}}}});
}

void AcpDriver::on_turn_end(Step& step, const json::value& result) {
  end_speech(step);
  ++turns_;
  const auto reason = find_string(result, {"stopReason"});
  for (const std::string_view name : {"inputTokens", "outputTokens", "cachedReadTokens"})
    if (const auto tokens = find_int(result, {"usage", name}); tokens > 0)
      usage_[name == "inputTokens"    ? "input_tokens"
             : name == "outputTokens" ? "output_tokens"
                                      : "cache_read_tokens"] = tokens;
  for (const std::string_view name : {"input_tokens", "output_tokens"})
    if (const auto tokens = find_int(result, {"_meta", "quota", "token_count", name}); tokens > 0)
      usage_[name] = tokens;
  // Some agents end their turn when something is denied: they are told why, and go on without.
  const bool stopped = std::exchange(interrupted_, false);
  if (reason == "cancelled" && !stopped && !denial_.empty())
    say_first(fmt::format("{} Go on without it.", std::exchange(denial_, {})));
  if (has_more_to_say() && (reason == "end_turn" || reason == "cancelled"))
    return send_prompt(step);

  AgentResult done;
  done.turns = turns_;
  done.ok = reason == "end_turn";
  if (done.ok)
    done.summary = last_message_;
  else if (reason == "cancelled")
    done.summary = "it was interrupted";
  else if (reason == "refusal")
    done.summary = "the model refused";
  else
    done.summary = fmt::format("it stopped: {}", reason.empty() ? "no reason given" : reason);
  end(step, std::move(done));
}

void AcpDriver::fail_with(Step& step, std::string why) {
  end(step, {.ok = false, .summary = std::move(why), .turns = turns_});
}

void AcpDriver::end(Step& step, AgentResult result) {
  usage_["turns"] = result.turns;
  step.events.push_back({.kind = Kind::usage, .input = usage_});
  finish(step, std::move(result), event_text(session_));
}

// ---- what it tells ----

void AcpDriver::on_update(Step& step, const json::value& message) {
  // A session that is loaded tells its whole story again.
  if (waiting_for_ == "session/load" || finished_) return;
  const auto* update = find(message, {"params", "update"});
  if (update == nullptr) return;
  const auto kind = find_string(*update, {"sessionUpdate"});
  if (kind == "agent_message_chunk") return on_chunk(step, Speech::message, *update);
  if (kind == "agent_thought_chunk") return on_chunk(step, Speech::thought, *update);
  if (kind == "plan") return on_plan(step, *update);
  if (kind == "tool_call" || kind == "tool_call_update") return on_tool_call(step, *update);
  if (kind == "usage_update")
    if (const auto used = find_int(*update, {"used"}); used > 0) usage_["context_tokens"] = used;
}

void AcpDriver::on_chunk(Step& step, Speech speech, const json::value& update) {
  const auto id = find_string(update, {"messageId"});
  if (speech != speech_ || id != words_id_ || words_.size() > kMaxSpeech) end_speech(step);
  speech_ = speech;
  words_id_ = shorten(id, 200);
  const auto type = find_string(update, {"content", "type"});
  if (type == "text")
    words_ += find_string(update, {"content", "text"});
  else
    words_ += fmt::format("[{}]", type);
}

void AcpDriver::end_speech(Step& step) {
  const auto speech = std::exchange(speech_, Speech::none);
  const std::string words = std::exchange(words_, {});
  words_id_.clear();
  if (words.find_first_not_of(" \n") == std::string::npos) return;
  if (speech == Speech::thought)
    return add(step, {.kind = Kind::thought, .text = event_text(words)}, render_thought(words));
  last_message_ = shorten(words, kMaxSummary);
  add(step, {.kind = Kind::message, .text = event_text(words)}, render_message(words));
}

void AcpDriver::on_plan(Step& step, const json::value& update) {
  const auto* entries = find(update, {"entries"});
  if (entries == nullptr || !entries->is_array()) return;
  std::string text;
  json::array kept;
  for (const auto& entry : entries->get_array()) {
    const auto status = find_string(entry, {"status"});
    const auto content = find_string(entry, {"content"});
    text += fmt::format("[{}] {}\n",
                        status == "completed"     ? "x"
                        : status == "in_progress" ? ">"
                                                  : " ",
                        content);
    kept.push_back(json::object{{"content", event_text(content)}, {"status", event_text(status)}});
  }
  if (text == last_plan_) return;
  end_speech(step);
  last_plan_ = text;
  add(step, {.kind = Kind::plan, .text = event_text(text), .input = {{"entries", std::move(kept)}}},
      render_plan(text));
}

AcpToolCall& AcpDriver::call_of(std::string_view id) {
  if (calls_.size() >= kMaxOpenCalls && calls_.find(id) == calls_.end()) calls_.clear();
  return calls_[std::string(id)];
}

void AcpDriver::show_call(Step& step, std::string_view id, AcpToolCall& call) {
  call.shown = true;
  last_call_ = id;
  const auto input = call.input();
  add(step,
      {.kind = Kind::tool_call,
       .id = event_text(id),
       .text = tool_subject(call.tool(), input),
       .tool = call.tool(),
       .input = input},
      render_tool_call(call.tool(), input));
}

void AcpDriver::on_tool_call(Step& step, const json::value& update) {
  const std::string id(find_string(update, {"toolCallId"}));
  if (denied_.contains(id)) return;
  end_speech(step);
  auto& call = call_of(id);
  call.take(update);
  if (!call.shown && call.announced()) show_call(step, id, call);
  if (!call.ended()) return;
  // Of calls made at once, a result is shown below another's call: it says whose it is.
  if (id != last_call_)
    step.text += render_result_of(
        fmt::format("{} {}", call.tool(), tool_subject(call.tool(), call.input())));
  const bool failed = call.status == "failed";
  const auto text = call.output();
  add(step,
      {.kind = Kind::tool_result,
       .id = event_text(id),
       .text = event_text(text),
       .is_error = failed},
      render_tool_result(text, failed));
  calls_.erase(id);
  if (calls_.empty()) return;
  last_call_.clear();
}

}  // namespace corral::adapters::agent
