#include "edge/cli/discovery.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "base/files.h"
#include "base/json.h"

namespace corral::edge::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string trimmed(std::string text) {
  while (!text.empty() &&
         (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\t'))
    text.pop_back();
  return text;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

std::filesystem::path default_data_folder() {
  if (::geteuid() == 0) return "/var/lib/corral";
  if (const auto folder = environment("XDG_DATA_HOME"); folder.starts_with('/'))
    return std::filesystem::path(folder) / "corral";
  const auto home = environment("HOME");
  return std::filesystem::path(home.empty() ? "/var/lib" : home + "/.local/share") / "corral";
}

Result<std::optional<Endpoint>> local_server(const std::filesystem::path& data) {
  const auto file = data / "run" / "server.json";
  const auto text = read_file(file, 64u << 10);
  if (!text && text.error().code == ErrorCode::not_found) return std::nullopt;
  if (!text) return wrap(text.error(), "cannot ask for the server of " + data.string());
  const auto document = parse_json(*text, file.string());
  if (!document) return std::nullopt;  // being written by a server that is not ready
  Endpoint endpoint{without_slash(std::string(find_string(*document, {"url"}))),
                    std::string(find_string(*document, {"token"}))};
  const auto pid = static_cast<pid_t>(find_int(*document, {"pid"}));
  const bool alive = pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
  if (endpoint.url.empty() || !alive) return std::nullopt;
  return endpoint;
}

Result<std::optional<Endpoint>> find_server(const ServerChoice& choice) {
  std::string token = environment("CORRAL_TOKEN");
  if (!choice.token_file.empty()) {
    auto text = read_file(choice.token_file, 64u << 10);
    if (!text) return fail(ErrorCode::invalid, "cannot read the token: {}", text.error().message);
    token = trimmed(std::move(*text));
    if (token.empty())
      return fail(ErrorCode::invalid, "{} holds no token", choice.token_file.string());
  }
  if (token.find_first_of("\r\n") != std::string::npos)
    return fail(ErrorCode::invalid, "the token has a line break in it");
  auto local = local_server(choice.data);
  if (choice.url.empty()) {
    CORRAL_TRY(auto found, std::move(local));
    if (found && !token.empty()) found->token = token;
    return found;
  }
  const auto url = without_slash(choice.url);
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return fail(ErrorCode::invalid,
                "'{}' is not a server's URL; give one like http://127.0.0.1:8420", choice.url);
  // The data folder's own token opens its own server, under whatever way it was named.
  if (token.empty() && local && *local && (*local)->url == url) token = (*local)->token;
  return Endpoint{url, token};
}

}  // namespace corral::edge::cli
