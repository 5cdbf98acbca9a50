// What a run leaves for people and programs to read: made from its timeline and its state.
#pragma once

#include <string>
#include <string_view>

#include "domain/run.h"

namespace corral::engine {

// Markdown: what was asked, what the agent said and did, how it ended. `timeline` is NDJSON.
std::string render_transcript(const domain::Run& run, std::string_view timeline);

// The run in figures, as JSON.
std::string render_report(const domain::Run& run, Time now);

}  // namespace corral::engine
