#include "edge/websocket/handshake.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <openssl/evp.h>

namespace corral::edge {
namespace {

constexpr std::string_view kDeflate = "permessage-deflate";
constexpr std::string_view kVersion = "13";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "a; b=\"c,d\", e" by ',' → "a; b=\"c,d\"", "e": separators in quotes do not count.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (quoted || text[i] != separator)) continue;
    parts.push_back(trim(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

bool lists(std::string_view list, std::string_view token) {
  return std::ranges::any_of(split(list, ','), [token](std::string_view entry) {
    return equals_ignoring_case(entry, token);
  });
}

// 16 bytes in Base64 (RFC 6455, 4.2.1).
bool is_key(std::string_view key) {
  return key.size() == 24 && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, 22), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

// The parameters of one permessage-deflate (RFC 7692, 7.1), as written.
struct DeflateOffer {
  bool server_no_context_takeover = false, client_no_context_takeover = false;
  std::optional<int> server_window_bits, client_window_bits;
  bool client_window_bits_named = false;  // an offer may name it without a value
};

// Nothing for another extension, and for parameters that make no sense: those are to be declined.
std::optional<DeflateOffer> parse_deflate(std::string_view text) {
  const auto parts = split(text, ';');
  if (!equals_ignoring_case(parts[0], kDeflate)) return std::nullopt;
  DeflateOffer offer;
  for (const auto part : std::span(parts).subspan(1)) {
    const auto equals = std::min(part.find('='), part.size());
    const auto name = trim(part.substr(0, equals));
    std::optional<std::string_view> value;
    if (equals < part.size()) value = trim(part.substr(equals + 1));
    if (value && value->size() >= 2 && value->starts_with('"') && value->ends_with('"'))
      value = value->substr(1, value->size() - 2);
    std::optional<int> bits;
    if (value) {
      int number = 0;
      const auto [end, error] =
          std::from_chars(value->data(), value->data() + value->size(), number);
      if (error != std::errc{} || end != value->data() + value->size() || number < 8 ||
          number > 15 || value->starts_with('0'))
        return std::nullopt;
      bits = number;
    }
    if (name == "server_no_context_takeover" && !value && !offer.server_no_context_takeover)
      offer.server_no_context_takeover = true;
    else if (name == "client_no_context_takeover" && !value && !offer.client_no_context_takeover)
      offer.client_no_context_takeover = true;
    else if (name == "server_max_window_bits" && bits && !offer.server_window_bits)
      offer.server_window_bits = bits;
    else if (name == "client_max_window_bits" && !offer.client_window_bits_named)
      offer.client_window_bits_named = true, offer.client_window_bits = bits;
    else
      return std::nullopt;
  }
  return offer;
}

// The first offer that can be taken. zlib makes no stream for a window of 8 bits.
void take_deflate(std::string_view extensions, Agreement& agreement) {
  for (const auto text : split(extensions, ',')) {
    const auto offer = parse_deflate(text);
    if (!offer || offer->server_window_bits == 8) continue;
    auto& params = agreement.deflate.emplace();
    std::string answer(kDeflate);
    if (offer->server_no_context_takeover) {
      params.ours.context_takeover = false;
      answer += "; server_no_context_takeover";
    }
    if (offer->client_no_context_takeover) {
      params.theirs.context_takeover = false;
      answer += "; client_no_context_takeover";
    }
    if (offer->server_window_bits) {
      params.ours.window_bits = *offer->server_window_bits;
      answer += fmt::format("; server_max_window_bits={}", params.ours.window_bits);
    }
    agreement.fields.emplace_back("Sec-WebSocket-Extensions", std::move(answer));
    return;
  }
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that OpenSSL writes
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string accept_key(std::string_view key) {
  const std::string salted = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  CORRAL_ASSERT(
      EVP_Digest(salted.data(), salted.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  return base64({reinterpret_cast<const char*>(digest.data()), size});
}

Result<Agreement> agree(const UpgradeRequest& request, const WebSocketOptions& options) {
  if (!request.get || !lists(request.upgrade, "websocket") || !lists(request.connection, "upgrade"))
    return fail(ErrorCode::unsupported,
                "a WebSocket is served here: ask by GET in HTTP/1.1, with \"Connection: Upgrade\" "
                "and \"Upgrade: websocket\"");
  if (request.version != kVersion)
    return fail(ErrorCode::invalid, "the version of WebSocket spoken here is {}", kVersion);
  if (!is_key(request.key))
    return fail(ErrorCode::invalid, "Sec-WebSocket-Key is not 16 bytes in Base64");
  Agreement agreement;
  agreement.fields = {{"Upgrade", "websocket"},
                      {"Connection", "Upgrade"},
                      {"Sec-WebSocket-Accept", accept_key(request.key)}};
  const auto offered = split(request.subprotocols, ',');
  for (const auto& ours : options.subprotocols)
    if (agreement.subprotocol.empty() && std::ranges::count(offered, ours) > 0)
      agreement.subprotocol = ours;
  if (!agreement.subprotocol.empty())
    agreement.fields.emplace_back("Sec-WebSocket-Protocol", agreement.subprotocol);
  if (options.deflate) take_deflate(request.extensions, agreement);
  return agreement;
}

int refusal_status(const Error& error) { return error.code == ErrorCode::unsupported ? 426 : 400; }

HeaderFields refusal_fields(const Error& error) {
  HeaderFields fields{{"Sec-WebSocket-Version", std::string(kVersion)}};
  if (refusal_status(error) == 426) {
    fields.emplace_back("Upgrade", "websocket");
    fields.emplace_back("Connection", "Upgrade");
  }
  return fields;
}

HeaderFields ask(const std::string& key, const WebSocketOptions& options) {
  HeaderFields fields{{"Upgrade", "websocket"},
                      {"Connection", "Upgrade"},
                      {"Sec-WebSocket-Version", std::string(kVersion)},
                      {"Sec-WebSocket-Key", key}};
  std::string subprotocols;
  for (const auto& name : options.subprotocols)
    subprotocols += (subprotocols.empty() ? "" : ", ") + name;
  if (!subprotocols.empty()) fields.emplace_back("Sec-WebSocket-Protocol", std::move(subprotocols));
  if (options.deflate)
    fields.emplace_back("Sec-WebSocket-Extensions",
                        std::string(kDeflate) + "; client_max_window_bits");
  return fields;
}

Result<Agreement> check_answer(const std::map<std::string, std::string>& answer,
                               const std::string& key, const WebSocketOptions& options) {
  const auto field = [&](const char* name) {
    const auto at = answer.find(name);
    return at == answer.end() ? std::string_view() : std::string_view(at->second);
  };
  if (!equals_ignoring_case(field("upgrade"), "websocket") ||
      !lists(field("connection"), "upgrade") || field("sec-websocket-accept") != accept_key(key))
    return fail(ErrorCode::invalid, "what answers there does not speak WebSocket (RFC 6455)");
  Agreement agreement{.subprotocol = std::string(field("sec-websocket-protocol"))};
  if (!agreement.subprotocol.empty() &&
      std::ranges::count(options.subprotocols, agreement.subprotocol) == 0)
    return fail(ErrorCode::invalid,
                "the server chose the subprotocol \"{}\", which was not offered",
                agreement.subprotocol);
  if (const auto extensions = field("sec-websocket-extensions"); !extensions.empty()) {
    const auto taken = parse_deflate(extensions);
    if (!options.deflate || !taken || taken->client_window_bits == 8 ||
        (taken->client_window_bits_named && !taken->client_window_bits))
      return fail(ErrorCode::invalid,
                  "the server chose the extension \"{}\", which was not offered", extensions);
    auto& params = agreement.deflate.emplace();
    params.ours = {.window_bits = taken->client_window_bits.value_or(15),
                   .context_takeover = !taken->client_no_context_takeover};
    params.theirs = {.window_bits = taken->server_window_bits.value_or(15),
                     .context_takeover = !taken->server_no_context_takeover};
  }
  return agreement;
}

ErrorCode error_code_of_status(long status) {
  switch (status) {
    case 401: return ErrorCode::unauthenticated;
    case 403: return ErrorCode::forbidden;
    case 404: return ErrorCode::not_found;
    case 409:
    case 412: return ErrorCode::conflict;
    case 429:
    case 507: return ErrorCode::exhausted;
    case 501: return ErrorCode::unsupported;
    case 503: return ErrorCode::unavailable;
    case 504: return ErrorCode::deadline;
    default: return status < 500 ? ErrorCode::invalid : ErrorCode::internal;
  }
}

}  // namespace corral::edge
