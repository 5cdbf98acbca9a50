#include "engine/figures.h"

namespace corral::engine {
namespace {

std::string label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

}  // namespace

void Figures::Histogram::add(double seconds) {
  for (std::size_t i = 0; i < kBuckets.size(); ++i)
    if (seconds <= kBuckets[i]) ++counts[i];
  ++count;
  sum += seconds;
}

std::string Figures::type_of(const domain::Run& run) {
  const auto& name = run.request.workflow.name;
  return durations_.contains(name) || durations_.size() < kMaxTypes ? name : "other";
}

void Figures::count(const domain::Run& before, const domain::Run& after) {
  if (before.status != after.status && domain::has_ended(after.status)) {
    const auto type = type_of(after);
    ++executions_[{std::string(to_string(after.status)), type}];
    const auto began = after.attempt_started_at.value_or(after.created_at);
    durations_[type].add(
        std::chrono::duration<double>(after.finished_at.value_or(began) - began).count());
  }
  for (const auto& step : after.steps) {
    const auto* old = before.find(step.definition.name);
    const bool failed =
        step.error && (old == nullptr || !old->error || old->attempt != step.attempt);
    if (failed && step.status != domain::StepStatus::cancelled)
      ++errors_[{type_of(after), step.definition.kind}];
  }
}

std::string Figures::exposition() const {
  std::string out =
      "# HELP workflow_executions_total Runs that ended since this process started.\n"
      "# TYPE workflow_executions_total counter\n";
  for (const auto& [key, count] : executions_)
    out += fmt::format("workflow_executions_total{{status=\"{}\",type=\"{}\"}} {}\n", key.first,
                       label(key.second), count);
  out +=
      "# HELP workflow_execution_duration_seconds From the start of a run's attempt to its end.\n"
      "# TYPE workflow_execution_duration_seconds histogram\n";
  for (const auto& [type, histogram] : durations_) {
    const auto name = label(type);
    for (std::size_t i = 0; i < kBuckets.size(); ++i)
      out += fmt::format("workflow_execution_duration_seconds_bucket{{type=\"{}\",le=\"{}\"}} {}\n",
                         name, kBuckets[i], histogram.counts[i]);
    out += fmt::format("workflow_execution_duration_seconds_bucket{{type=\"{}\",le=\"+Inf\"}} {}\n",
                       name, histogram.count);
    out += fmt::format("workflow_execution_duration_seconds_sum{{type=\"{}\"}} {}\n", name,
                       histogram.sum);
    out += fmt::format("workflow_execution_duration_seconds_count{{type=\"{}\"}} {}\n", name,
                       histogram.count);
  }
  out +=
      "# HELP workflow_errors_total Failed attempts at steps, by the step's kind.\n"
      "# TYPE workflow_errors_total counter\n";
  for (const auto& [key, count] : errors_)
    out += fmt::format("workflow_errors_total{{type=\"{}\",stage=\"{}\"}} {}\n", label(key.first),
                       label(key.second), count);
  out +=
      "# HELP corral_lease_losses_total Jobs whose lease passed to somebody else while this "
      "process was at work on them.\n"
      "# TYPE corral_lease_losses_total counter\n";
  out += fmt::format("corral_lease_losses_total {}\n", lease_losses_);
  return out;
}

}  // namespace corral::engine
