// Workflow files, and the values that are given to a workflow on the command line.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "domain/workflow.h"

namespace corral::edge::cli {

struct WorkflowSource {
  std::string text;
  domain::Workflow workflow;
};

// The kinds of steps that definitions may have.
std::span<const domain::KindRules> step_kinds();

// All of stdin, or what of it is beyond `max_bytes` by one read.
Result<std::string> read_stdin(std::size_t max_bytes);

// Whether a word means a file and not the name of a kept workflow: "-", something with a slash or
// an ending in it, or a file that is there.
bool is_workflow_file(const std::string& word);

// A file's ('-': stdin's) workflow, checked. `invalid` otherwise: lines "FILE:LINE:COLUMN: what is
// wrong and the remedy".
Result<WorkflowSource> read_workflow(const std::string& file);
Result<WorkflowSource> parse_source(std::string_view text, const std::string& name);

// "NAME=VALUE" words as values of the types that the workflow's inputs declare. `invalid` for one
// that is not declared, is given twice, has another type, or is required and missing.
Result<json::object> inputs_of(const std::vector<std::string>& words,
                               const domain::Workflow& workflow);

}  // namespace corral::edge::cli
