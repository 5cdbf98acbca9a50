// Workflow definitions: any text is accepted or refused with a place and a remedy; what is accepted
// can be run to its end.
#include "engine/step_kind.h"
#include "engine/workflow_yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corral;
  static const auto kinds = engine::standard_step_kinds();
  const auto workflow =
      engine::parse_workflow({reinterpret_cast<const char*>(data), size}, "w", kinds.rules());
  if (workflow) {
    CORRAL_ASSERT(!workflow->steps.empty() &&
                  domain::topological_order(*workflow).size() == workflow->steps.size());
  } else {
    CORRAL_ASSERT(workflow.error().code == ErrorCode::invalid &&
                  workflow.error().message.starts_with("w:"));
  }
  return 0;
}
