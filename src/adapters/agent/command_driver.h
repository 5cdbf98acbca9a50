// The protocol with any program: the prompt on stdin, then its end; whatever it prints is the
// transcript.
#pragma once

#include <string>

#include "base/plain_text.h"
#include "ports/agent.h"

namespace corral::adapters::agent {

class CommandDriver final : public ports::AgentDriver {
 public:
  explicit CommandDriver(const ports::AgentTask& task);
  Step begin() override;
  Step on_output(std::string_view bytes) override;
  Step answer(std::string_view permission_id, bool allow,
              std::string_view message) override;  // it never asks
  Step interrupt() override;  // no protocol for it: the engine signals the process
  Step prompt(std::string_view text) override;  // it takes none: its input is closed
  Step set_permission_policy(std::string_view policy) override;
  ports::AgentResult on_exit(int exit_code, std::string_view last_errors) override;

 private:
  std::string prompt_, command_;
  PlainText filter_;
  std::string tail_;  // the last output, for the summary
};

}  // namespace corral::adapters::agent
