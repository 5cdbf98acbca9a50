// One folder of files, the same for every run: enough for the edge's tests.
#pragma once

#include <map>
#include <optional>

#include "engine/file_service.h"

namespace corral::edge::testing {

class FakeFiles final : public engine::FileService {
 public:
  std::map<std::string, std::string> files;  // by path
  engine::Caller last_caller{""};            // of a write
  std::optional<Error> next_error;           // given once

  Task<Result<json::value>> list(RunId run, std::string path) override;
  Task<Result<std::string>> read(RunId run, std::string path) override;
  Task<Result<void>> write(RunId run, std::string path, std::string bytes,
                           engine::Caller by) override;
};

}  // namespace corral::edge::testing
