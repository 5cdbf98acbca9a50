#include "adapters/git/source.h"

#include <algorithm>

namespace corral::adapters::git {
namespace {

constexpr std::size_t kMaxUrlBytes = 4096;
constexpr std::string_view kForms =
    "use https://…, http://…, ssh://…, git://…, user@host:path, file:///path or an absolute path";

bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
}

std::string percent_decode(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string base64(std::string_view text) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      result += i + k <= text.size() ? kAlphabet[group >> (18 - 6 * k) & 63] : '=';
  }
  return result;
}

Result<void> check_host(std::string_view host, std::string_view shown) {
  if (host.empty() || host.front() == '-' || !std::ranges::all_of(host, is_host_char))
    return fail(ErrorCode::invalid, "repository '{}' names no valid host; {}", shown, kForms);
  return {};
}

Result<Source> parse_network_url(std::string_view url, std::string_view scheme) {
  Source source{.url = std::string(url), .display = redact_urls(url), .local = {}, .config = {}};
  auto rest = url.substr(scheme.size() + 3);
  auto authority = rest.substr(0, rest.find('/'));
  const auto path = rest.substr(authority.size());
  const auto at = authority.rfind('@');
  const auto user = at == std::string_view::npos ? std::string_view() : authority.substr(0, at);
  const auto host = at == std::string_view::npos ? authority : authority.substr(at + 1);
  CORRAL_CHECK(check_host(host, source.display));
  if (!user.empty() && user.front() == '-')
    return fail(ErrorCode::invalid, "repository '{}': a user name may not start with '-'",
                source.display);
  if (path.size() < 2)
    return fail(ErrorCode::invalid, "repository '{}' names a host, but no path on it",
                source.display);
  if (!user.empty() && (scheme == "https" || scheme == "http")) {
    auto plain = percent_decode(user);
    if (!plain.contains(':')) plain += ':';
    const auto origin = std::string(scheme) + "://" + std::string(host) + "/";
    source.config.emplace_back("http." + origin + ".extraHeader",
                               "Authorization: Basic " + base64(plain));
    source.url = origin + std::string(path.substr(1));
  }
  return source;
}

}  // namespace

std::string redact_urls(std::string_view text) {
  std::string result;
  for (;;) {
    const auto mark = text.find("://");
    if (mark == std::string_view::npos) return result += text;
    const auto begin = mark + 3;
    const auto end = std::min(text.find_first_of("/ \t\r\n'\"<>", begin), text.size());
    const auto authority = text.substr(begin, end - begin);
    const auto at = authority.rfind('@');
    result += text.substr(0, begin);
    if (at != std::string_view::npos) {
      const auto user = authority.substr(0, at);
      const auto before = text.substr(0, mark);
      const bool web = before.ends_with("http") || before.ends_with("https");
      const auto colon = user.find(':');
      result += web                               ? "***"
                : colon == std::string_view::npos ? std::string(user)
                                                  : std::string(user.substr(0, colon)) + ":***";
      result += authority.substr(at);
    } else {
      result += authority;
    }
    text.remove_prefix(end);
  }
}

Result<Source> parse_source(std::string_view url) {
  if (url.empty()) return fail(ErrorCode::invalid, "no repository given; {}", kForms);
  if (url.size() > kMaxUrlBytes)
    return fail(ErrorCode::invalid, "a repository URL of {} bytes is too long (at most {})",
                url.size(), kMaxUrlBytes);
  if (url.contains('\0'))
    return fail(ErrorCode::invalid, "a repository URL may not contain a NUL byte");
  const std::string shown = redact_urls(url);
  if (url.front() == '/')
    return Source{
        .url = std::string(url), .display = shown, .local = std::string(url), .config = {}};
  if (std::ranges::any_of(url, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(ErrorCode::invalid, "a repository URL may not contain control characters");
  if (url.front() == '-')
    return fail(ErrorCode::invalid, "repository '{}' starts with '-'; {}", shown, kForms);
  if (url.starts_with("file://")) {
    auto path = percent_decode(url.substr(7));
    if (path.empty() || path.front() != '/' || path.contains('\0'))
      return fail(ErrorCode::invalid,
                  "repository '{}': file:// needs an absolute path, as in file:///home/me/project",
                  shown);
    return Source{.url = path, .display = shown, .local = path, .config = {}};
  }
  for (std::string_view scheme : {"https", "http", "ssh", "git"})
    if (url.starts_with(std::string(scheme) + "://")) return parse_network_url(url, scheme);
  if (url.contains("::") || url.contains("://"))
    return fail(ErrorCode::invalid, "repository '{}': this kind of URL is not allowed; {}", shown,
                kForms);
  // user@host:path, as ssh and scp write it.
  const auto colon = url.find(':'), at = url.find('@');
  if (colon == std::string_view::npos || at == std::string_view::npos || at > colon ||
      url.substr(0, colon).contains('/'))
    return fail(ErrorCode::invalid, "repository '{}' is neither a URL nor an absolute path; {}",
                shown, kForms);
  CORRAL_CHECK(check_host(url.substr(at + 1, colon - at - 1), shown));
  if (at == 0 || colon + 1 == url.size() || url[colon + 1] == '-')
    return fail(ErrorCode::invalid, "repository '{}' is not of the form user@host:path; {}", shown,
                kForms);
  return Source{.url = std::string(url), .display = shown, .local = {}, .config = {}};
}

Result<void> check_branch_name(std::string_view name, std::string_view what) {
  const auto bad = [&](std::string_view why) -> Result<void> {
    return fail(ErrorCode::invalid, "{} '{}' is not a valid branch name: {}", what, name, why);
  };
  if (name.empty()) return fail(ErrorCode::invalid, "{} is empty", what);
  if (name.size() > 240) return fail(ErrorCode::invalid, "{} is longer than 240 bytes", what);
  if (name.front() == '-') return bad("it starts with '-'");
  if (name == "@" || name == "HEAD") return bad("the name is reserved");
  if (name.ends_with(".")) return bad("it ends with '.'");
  if (name.contains("..") || name.contains("@{")) return bad("it contains '..' or '@{'");
  for (const unsigned char c : name)
    if (c <= 0x20 || c == 0x7f || std::string_view("~^:?*[\\").contains(static_cast<char>(c)))
      return bad("it contains a space, a control character or one of ~ ^ : ? * [ \\");
  std::size_t begin = 0;
  while (begin <= name.size()) {
    const auto end = std::min(name.find('/', begin), name.size());
    const auto part = name.substr(begin, end - begin);
    if (part.empty()) return bad("it has an empty part between '/'");
    if (part.front() == '.' || part.ends_with(".lock"))
      return bad("a part of it starts with '.' or ends with '.lock'");
    begin = end + 1;
  }
  return {};
}

bool is_commit_hash(std::string_view text) {
  return text.size() == 40 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace corral::adapters::git
