#include "adapters/store/postgres/json_text.h"

namespace corral::adapters::store::postgres {

Result<json::value> parse_text(std::string_view text) {
  json::parse_options options;
  options.max_depth = 10'000;
  options.allow_invalid_utf8 = true;
  json::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error)
    return fail(ErrorCode::corrupt, "the database holds JSON that does not parse ({}): {:.80}",
                error.message(), text);
  return value;
}

}  // namespace corral::adapters::store::postgres
