#include "engine/testing/fake_agent.h"

#include <csignal>
#include <deque>
#include <map>

namespace corral::engine::testing {
namespace {

using ports::AgentDriver;
using ports::AgentEvent;
using Kind = AgentEvent::Kind;

constexpr std::string_view kEndOfPrompt = "\x04\n";

// "word rest" → {word, rest}
std::pair<std::string, std::string> split(std::string_view line) {
  const auto space = line.find(' ');
  return {std::string(line.substr(0, space)),
          space == std::string_view::npos ? "" : std::string(line.substr(space + 1))};
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

class FakeDriver final : public AgentDriver {
 public:
  FakeDriver(const ports::AgentTask& task, bool queues) : prompt_(task.prompt), queues_(queues) {}

  Step begin() override {
    Step step;
    step.events.push_back({.kind = Kind::started, .id = "session"});
    step.inputs.push_back({"prompt", prompt_ + "\n" + std::string(kEndOfPrompt)});
    step.text = "the agent starts\n";
    return step;
  }

  Step on_output(std::string_view bytes) override {
    Step step;
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      on_line(step, split(std::exchange(line_, {})));
    }
    return step;
  }

  Step answer(std::string_view id, bool allow, std::string_view message) override {
    Step step;
    if (asked_.erase(std::string(id)) == 0) return step;
    step.events.push_back({.kind = Kind::permission_answer,
                           .id = std::string(id),
                           .text = allow ? "allowed" : "denied"});
    step.inputs.push_back(
        {"answer-" + std::string(id), fmt::format("answer {} {}\n", id, allow ? "allow" : "deny")});
    step.text = fmt::format("answered {}: {} {}\n", id, allow ? "allowed" : "denied", message);
    return step;
  }
  Step interrupt() override { return tell("interrupt", "now"); }
  Step prompt(std::string_view text) override {
    if (!queues_) return tell("prompt", text);
    Step step;
    if (finished_) return step;
    const auto id = fmt::format("prompt-{}", ++told_);
    step.events.push_back({.kind = Kind::prompt, .id = id, .text = std::string(text)});
    queue_.emplace_back(id, text);
    return step;
  }
  Step set_permission_policy(std::string_view policy) override {
    Step step;
    while (policy == "workspace" && !asked_.empty()) {
      auto one = answer(std::string(asked_.begin()->first), true, "");
      step.inputs.insert(step.inputs.end(), one.inputs.begin(), one.inputs.end());
      step.events.insert(step.events.end(), one.events.begin(), one.events.end());
      step.text += one.text;
    }
    return step;
  }
  ports::AgentResult on_exit(int code, std::string_view errors) override {
    return {.ok = false, .summary = fmt::format("exit code {}, last words: {}", code, errors)};
  }

 private:
  Step tell(std::string_view what, std::string_view text) {
    Step step;
    step.inputs.push_back(
        {fmt::format("{}-{}", what, ++told_), fmt::format("{} {}\n", what, text)});
    step.text = fmt::format("told to {} {}\n", what, text);
    return step;
  }

  void on_line(Step& step, std::pair<std::string, std::string> line) {
    auto& [word, rest] = line;
    if (word == "say") {
      step.events.push_back({.kind = Kind::message, .text = rest});
      step.text += rest + "\n";
    } else if (word == "ask") {
      asked_[rest] = true;
      step.events.push_back({.kind = Kind::permission_request,
                             .id = rest,
                             .text = "asks " + rest,
                             .tool = "Write",
                             .input = json::object{{"path", rest}}});
      step.text += "asks " + rest + "\n";
    } else if (word == "forget") {
      asked_.erase(rest);
      step.events.push_back(
          {.kind = Kind::permission_answer, .id = rest, .text = "withdrawn", .is_error = true});
    } else if (word == "result" && !queue_.empty()) {
      auto [id, text] = std::move(queue_.front());
      queue_.pop_front();
      step.events.push_back({.kind = Kind::prompt_given, .id = id, .text = text});
      step.inputs.push_back({id, fmt::format("prompt {}\n", text)});
    } else if (word == "result" || word == "failure") {
      finished_ = true;
      step.events.push_back({.kind = Kind::finished, .text = rest});
      step.result = ports::AgentResult{.ok = word == "result", .summary = rest};
    }
  }

  std::string prompt_, line_;
  std::map<std::string, bool> asked_;
  std::deque<std::pair<std::string, std::string>> queue_;  // of prompts: id, text
  const bool queues_;
  bool finished_ = false;
  int told_ = 0;
};

class FakeAgent final : public ports::Agent {
 public:
  explicit FakeAgent(FakeAgentOptions options) : options_(std::move(options)) {}
  std::string_view name() const override { return options_.name; }
  bool resumes() const override { return options_.resumes; }
  Task<Result<ports::AgentInfo>> info() override {
    co_return ports::AgentInfo{.name = options_.name, .version = "1", .problem = options_.problem};
  }
  Task<Result<void>> install(std::function<void(std::string_view)>) override {
    co_return Result<void>{};
  }
  Task<Result<std::vector<ports::ReadOnlyMount>>> mounts() override {
    if (!options_.problem.empty()) co_return fail(ErrorCode::unavailable, "{}", options_.problem);
    co_return std::vector<ports::ReadOnlyMount>{{"/opt/fake", "/fake"}};
  }
  Result<ports::AgentLaunch> launch(const ports::AgentTask& task) override {
    if (task.model == "unlaunchable") return fail(ErrorCode::invalid, "there is no such model");
    ports::AgentLaunch launch;
    launch.process.argv = {std::string(kFakeAgentProgram)};
    launch.process.env = {{"TOKEN", task.gateway_token},
                          {"URL", task.gateway_url},
                          {"RESUMES", task.resume ? task.session_id : ""}};
    launch.process.input = true;
    launch.process.merge_errors = false;
    launch.files.emplace_back("/home/agent/settings", "yes");
    return launch;
  }
  std::unique_ptr<AgentDriver> driver(const ports::AgentTask& task) override {
    return std::make_unique<FakeDriver>(task, options_.queues);
  }

 private:
  FakeAgentOptions options_;
};

}  // namespace

void act_as_agent(FakeProcess& process) {
  const auto end = process.input.find(kEndOfPrompt);
  if (end == std::string::npos) return;
  const auto script = lines_of(std::string_view(process.input).substr(0, end));
  for (const auto& told :
       lines_of(std::string_view(process.input).substr(end + kEndOfPrompt.size())))
    process.answered.insert(split(split(told).second).first);
  const bool interrupted = !process.signals.empty();
  while (!process.ended) {
    if (process.line == script.size()) return process.end(0);
    const auto [word, rest] = split(script[process.line]);
    // The first pass over a line prints; a line that waits is then looked at again on each
    // occasion.
    const bool fresh = process.answered.insert(fmt::format("line {}", process.line)).second;
    if (word == "say" && fresh) process.print("say " + rest + "\n");
    if (word == "err" && fresh) process.errors += rest + "\n";
    if (word == "forget" && fresh) process.print("forget " + rest + "\n");
    if (word == "ask") {
      if (fresh) process.print("ask " + rest + "\n");
      if (interrupted) return process.end(130);
      // "forget" right after lets the agent go on without an answer.
      const bool forgets =
          process.line + 1 < script.size() && script[process.line + 1] == "forget " + rest;
      if (!process.answered.contains(rest) && !forgets) return;
    }
    if (word == "request" && fresh) process.print("ask " + rest + "\n");
    if (word == "await" && !process.answered.contains(rest))
      return interrupted ? process.end(130) : void();
    if (word == "hang") return interrupted ? process.end(130) : void();
    if (word == "stubborn") return;
    if (word == "exit") return process.end(std::stoi(rest));
    if (word == "done" || word == "fail" || word == "linger") {
      if (fresh) process.print((word == "fail" ? "failure " : "result ") + rest + "\n");
      if (word == "linger") return interrupted ? process.end(143) : void();
      if (!process.input_closed) return;
      return process.end(word == "fail" ? 1 : 0);
    }
    ++process.line;
  }
}

std::shared_ptr<ports::Agent> make_fake_agent(FakeAgentOptions options) {
  return std::make_shared<FakeAgent>(std::move(options));
}

}  // namespace corral::engine::testing
