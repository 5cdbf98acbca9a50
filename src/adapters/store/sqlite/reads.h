// Queries of events and documents. Each runs on a reader's thread and connection, and sees one
// consistent state of the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

std::vector<ports::Event> read_stream(Database& database, const std::string& stream,
                                      std::uint64_t after_version, std::uint32_t limit);
std::vector<ports::Event> read_all(Database& database, const ports::EventQuery& query);
std::vector<ports::StreamInfo> list_streams(Database& database, const std::string& prefix,
                                            const std::string& after_name, std::uint32_t limit);
std::uint64_t last_position(Database& database);
std::optional<ports::Document> get_document(Database& database, const std::string& kind,
                                            const std::string& id);
std::vector<ports::Document> list_documents(Database& database, const ports::DocumentQuery& query);

}  // namespace corral::adapters::store::sqlite
