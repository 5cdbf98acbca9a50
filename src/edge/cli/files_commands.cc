// corral files …
#include "base/files.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"
#include "edge/cli/workflow_source.h"

namespace corral::edge::cli {
namespace {

constexpr std::size_t kMaxFile = 16u << 20;

struct Target {
  HttpClient& client;
  std::string path;  // "/api/v1/runs/<id>/files"
};

Result<Target> target_of(Session& session) {
  CORRAL_TRY(auto* client, session.server(Session::Need::read));
  CORRAL_TRY(const auto id, session.run_id(session.args().run));
  return Target{*client, fmt::format("/api/v1/runs/{}/files", id)};
}

int list(Session& session, const Target& target) {
  const auto folder =
      target.client.get_json(target.path + "?path=" + percent_encode(session.args().path));
  if (!folder) return session.report(folder.error());
  if (session.args().json)
    session.print_json(*folder);
  else
    session.print(render_folder(session.screen(), *folder, SystemClock::instance().now()));
  return kOk;
}

int get(Session& session, const Target& target) {
  const auto& args = session.args();
  const auto content =
      target.client.get(target.path + "/content?path=" + percent_encode(args.path), "*/*");
  if (!content) return session.report(content.error());
  if (args.output.empty() || args.output == "-") {
    session.print(session.screen().terminal ? printable(content->body, Lines::keep)
                                            : content->body);
    return kOk;
  }
  const auto written = write_file_atomically(args.output, content->body, 0644);
  if (!written) return session.report(written.error());
  session.note(fmt::format("{} bytes to {}", count(static_cast<std::int64_t>(content->body.size())),
                           args.output.string()));
  return kOk;
}

Result<std::string> bytes_of(const std::string& name) {
  auto bytes = name == "-" ? read_stdin(kMaxFile) : read_file(name, kMaxFile);
  const bool too_large =
      bytes ? bytes->size() > kMaxFile : bytes.error().code == ErrorCode::exhausted;
  if (too_large)
    return fail(ErrorCode::invalid, "{} is larger than 16 MiB", name == "-" ? "stdin" : name);
  return bytes;
}

int put(Session& session, const Target& target) {
  const auto& args = session.args();
  const auto bytes = bytes_of(args.name);
  if (!bytes) return session.report(bytes.error());
  auto place = args.path;
  if (place.empty() || place.ends_with('/'))
    place += std::filesystem::path(args.name).filename().string();
  const auto done =
      target.client.upload(target.path + "/content?path=" + percent_encode(place), *bytes);
  if (!done) return session.report(done.error());
  if (args.json)
    session.print_json(json::object{{"path", place}, {"size_bytes", bytes->size()}});
  else
    session.note(fmt::format("{} bytes to {}", count(static_cast<std::int64_t>(bytes->size())),
                             printable(place)));
  return kOk;
}

}  // namespace

int files_command(Session& session) {
  const auto target = target_of(session);
  if (!target) return session.report(target.error());
  if (session.args().command == "files get") return get(session, *target);
  return session.args().command == "files put" ? put(session, *target) : list(session, *target);
}

}  // namespace corral::edge::cli
