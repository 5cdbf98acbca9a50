// The registry of step kinds.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "domain/workflow.h"

namespace corral::engine {

class StepKind;

// The kinds that a program knows, put together by its composition root.
class StepKinds {
 public:
  StepKinds();
  ~StepKinds();
  StepKinds(StepKinds&&) noexcept;

  void add(std::unique_ptr<StepKind> kind);
  const StepKind* find(std::string_view name) const;  // null for an unknown name
  std::span<const domain::KindRules> rules() const { return rules_; }

 private:
  std::vector<std::unique_ptr<StepKind>> kinds_;
  std::vector<domain::KindRules> rules_;
};

}  // namespace corral::engine
