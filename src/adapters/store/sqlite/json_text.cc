#include "adapters/store/sqlite/json_text.h"

#include "adapters/store/sqlite/database.h"

namespace corral::adapters::store::sqlite {

json::value parse_text(std::string_view text) {
  json::parse_options options;
  options.max_depth = 10'000;
  options.allow_invalid_utf8 = true;
  json::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error)
    throw SqliteFailure({ErrorCode::corrupt,
                         fmt::format("the database holds JSON that does not parse ({}): {:.80}",
                                     error.message(), text),
                         nullptr});
  return value;
}

}  // namespace corral::adapters::store::sqlite
