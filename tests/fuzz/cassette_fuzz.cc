// The cassette's parser: garbage is an error, and what parses survives being written and read
// again. The same bytes serve as a request's body.
#include "adapters/llm/cassette.h"
#include "adapters/llm/normal_request.h"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto cassette = adapters::llm::parse_cassette(text)) {
    std::string again = adapters::llm::header_line(Time{}, cassette->note);
    for (const auto& exchange : cassette->exchanges)
      again += adapters::llm::exchange_line(exchange);
    const auto read = adapters::llm::parse_cassette(again);
    CORRAL_ASSERT(read && read->exchanges.size() == cassette->exchanges.size());
    for (std::size_t i = 0; i < read->exchanges.size(); ++i)
      CORRAL_ASSERT(read->exchanges[i].request == cassette->exchanges[i].request);
  }
  for (const char* path : {"/v1/messages", "/v1/responses", "/v1/chat/completions",
                           "/v1beta/models/m:streamGenerateContent"})
    if (const auto normal = adapters::llm::normal_request(path, text)) {
      (void)adapters::llm::turn_of(*normal);
      CORRAL_ASSERT(!adapters::llm::first_difference(*normal, *normal));
      const auto empty = adapters::llm::normal_request(path, "{}").value();
      CORRAL_ASSERT(adapters::llm::first_difference(*normal, empty).has_value() ==
                    (*normal != empty));
    }
  return 0;
}
