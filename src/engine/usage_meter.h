// Reads what a model call used from its answer, while the answer passes by.
#pragma once

#include <string>
#include <string_view>

#include "engine/usage_reader.h"

namespace corral::engine {

// Fed with the body of an answer in any split: an event stream, or one JSON document. Memory is
// bounded: what is too long to hold is passed over.
class UsageMeter {
 public:
  enum class Form { event_stream, json };

  explicit UsageMeter(ports::LlmApi api) : api_(api) {}
  void begin(Form form) { form_ = form; }
  void feed(std::string_view bytes);
  // The answer has ended, or broke off.
  void finish();

  // Before the provider's final figure has come, output_tokens is an estimate from the text so far:
  // a caller that hangs up early is counted too.
  const ModelUsage& usage() const { return reading_.usage; }

 private:
  void on_line(std::string_view line);
  void take(std::string_view json);

  ports::LlmApi api_;
  Form form_ = Form::event_stream;
  std::string pending_;  // a line, or the whole JSON answer
  bool skipping_ = false;
  UsageReading reading_;
};

}  // namespace corral::engine
