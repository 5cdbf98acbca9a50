#include "edge/cli/render.h"

namespace corral::edge::cli {
namespace {

Style style_of_status(std::string_view status) {
  if (status == "running") return Style::green;
  return status == "created" ? Style::yellow : Style::dim;
}

std::string program_of(const json::value& session) {
  if (const auto agent = find_string(session, {"agent"}); !agent.empty()) return std::string(agent);
  std::string words;
  if (const auto* command = find(session, {"command"}); command != nullptr && command->is_array())
    for (const auto& word : command->get_array())
      if (word.is_string()) words += (words.empty() ? "" : " ") + std::string(word.get_string());
  return words.empty() ? "a login shell" : words;
}

std::string end_of(const json::value& session) {
  if (find_string(session, {"status"}) != "ended") return {};
  const auto reason = find_string(session, {"end_reason"});
  return fmt::format("exit code {}{}{}", find_int(session, {"exit_code"}),
                     reason.empty() ? "" : ": ", reason);
}

}  // namespace

std::string render_sessions(const Screen& screen, const json::array& sessions, Time now) {
  if (sessions.empty()) return "No sessions. Open one with 'corral session new'.\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& session : sessions) {
    const std::string status(find_string(session, {"status"}));
    rows.push_back({{short_id(find_string(session, {"id"}))},
                    {std::string(find_string(session, {"name"}))},
                    {status, style_of_status(status)},
                    {short_id(find_string(session, {"run"})), Style::dim},
                    {ago(find_string(session, {"created_at"}), now), Style::dim},
                    {end_of(session)}});
  }
  using enum Column::Align;
  return table(
      screen, {{"SESSION"}, {"NAME", left, true}, {"STATUS"}, {"RUN"}, {"CREATED", right}, {"END"}},
      rows);
}

std::string render_session(const Screen& screen, const json::value& session, Time now) {
  const std::string status(find_string(session, {"status"}));
  std::string out = fmt::format("session {}  {}\n  {}\n", find_string(session, {"id"}),
                                screen.paint(style_of_status(status), status),
                                printable(find_string(session, {"name"})));
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out += fmt::format("  {:<10}{}\n", name, printable(value));
  };
  line("program", program_of(session));
  line("run", find_string(session, {"run"}));
  line("by", find_string(session, {"author"}));
  line("created", ago(find_string(session, {"created_at"}), now));
  if (const auto columns = find_int(session, {"columns"}); columns > 0)
    line("size", fmt::format("{}x{}", columns, find_int(session, {"rows"})));
  if (const auto viewers = find_int(session, {"viewers"}); viewers > 0)
    line("viewers", std::to_string(viewers));
  line("ended", end_of(session));
  if (const auto* shares = find(session, {"shares"}); shares != nullptr && shares->is_array())
    for (const auto& share : shares->get_array())
      line("link", fmt::format("{} ({}) until {}", find_string(share, {"id"}),
                               find_string(share, {"role"}), find_string(share, {"expires_at"})));
  if (status == "running")
    out += fmt::format("\n  corral attach {}\n", short_id(find_string(session, {"id"})));
  return out;
}

std::string render_matches(const Screen& screen, const json::array& matches) {
  std::string out;
  for (const auto& match : matches)
    out += fmt::format("{}  {}  {}\n",
                       screen.paint(Style::dim, std::to_string(find_int(match, {"offset"}))),
                       screen.paint(Style::dim, find_string(match, {"time"})),
                       printable(find_string(match, {"text"})));
  return out;
}

}  // namespace corral::edge::cli
