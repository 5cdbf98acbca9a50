// Reads what a model call used from its answer, while the answer passes by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace corral::engine {

// Fed with the body of an Anthropic answer in any split: an event stream, or one JSON object.
// Memory is bounded: what is too long to hold is passed over.
class UsageMeter {
 public:
  enum class Form { event_stream, json };

  void begin(Form form) { form_ = form; }
  void feed(std::string_view bytes);
  // The answer has ended, or broke off.
  void finish();

  struct Usage {
    std::string model;  // empty when the answer never named it
    std::int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;
    bool seen = false;  // the provider has told figures
  };
  // Before the provider's final figure has come, output_tokens is an estimate from the text so far:
  // a caller that hangs up early is counted too.
  const Usage& usage() const { return usage_; }

 private:
  void on_line(std::string_view line);
  void on_event(std::string_view json);
  void on_message(std::string_view json);

  Form form_ = Form::event_stream;
  std::string pending_;  // a line, or the whole JSON answer
  bool skipping_ = false;
  std::size_t text_bytes_ = 0;
  bool final_ = false;  // the provider has given the final output_tokens
  Usage usage_;
};

}  // namespace corral::engine
