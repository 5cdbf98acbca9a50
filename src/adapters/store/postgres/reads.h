// Queries for events and documents, and what their rows say.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/store/postgres/statement.h"
#include "ports/store.h"

namespace corral::adapters::store::postgres {

Statement read_stream_statement(const std::string& stream, std::uint64_t after_version,
                                std::uint32_t limit);
Statement read_all_statement(const ports::EventQuery& query);
Statement list_streams_statement(const std::string& prefix, const std::string& after_name,
                                 std::uint32_t limit);
Statement get_document_statement(const std::string& kind, const std::string& id);
Statement list_documents_statement(const ports::DocumentQuery& query);

Result<std::vector<ports::Event>> read_events(const Rows& rows);
std::vector<ports::StreamInfo> read_streams(const Rows& rows);
Result<std::vector<ports::Document>> read_documents(const Rows& rows);

}  // namespace corral::adapters::store::postgres
