#include "adapters/git/history.h"

#include <charconv>
#include <limits>

#include "adapters/git/source.h"

namespace corral::adapters::git {
namespace {

constexpr std::size_t kMaxCommits = 10'000;

// How many bytes a well-formed UTF-8 sequence at the front has; 0 when it is malformed.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : lead >= 0xe0 && lead <= 0xef ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

int clamp_int(std::int64_t value) {
  return static_cast<int>(std::min<std::int64_t>(value, std::numeric_limits<int>::max()));
}

}  // namespace

std::string to_utf8(std::string_view bytes) {
  std::string result;
  result.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto length = sequence_length(bytes);
    if (length == 0)
      result += "\xef\xbf\xbd";
    else
      result += bytes.substr(0, length);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

Task<Result<std::string>> resolve_commit(const Git& git, std::filesystem::path mirror,
                                         std::string name) {
  std::vector<std::string> candidates;
  if (is_commit_hash(name)) {
    candidates = {name};
  } else {
    auto plain = name;
    for (std::string_view prefix : {"refs/heads/", "refs/corral/"})
      if (name.starts_with(prefix)) plain = name.substr(prefix.size());
    CORRAL_CO_CHECK(check_branch_name(plain, "the branch"));
    if (plain != name)
      candidates = {name};
    else
      candidates = {"refs/heads/" + name, "refs/remotes/origin/" + name, "refs/tags/" + name};
  }
  GitCall call{.repository = std::move(mirror),
               .arguments = {"cat-file", "--batch-check=%(objecttype) %(objectname)"}};
  for (const auto& candidate : candidates) call.input += candidate + "^{commit}\n";
  CORRAL_CO_TRY(const auto output,
                co_await git.checked(std::move(call), "cannot look up '" + name + "'"));
  for (std::string_view rest = output; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    if (line.starts_with("commit ") && is_commit_hash(line.substr(7)))
      co_return std::string(line.substr(7));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  co_return fail(ErrorCode::not_found, "the repository has no branch, tag or commit '{}'", name);
}

Task<Result<std::string>> read_diff(const Git& git, Range range, DiffForm form) {
  GitCall call{.repository = range.mirror,
               .arguments = {},
               .timeout = range.timeout,
               .max_output_bytes = range.max_bytes};
  if (form == DiffForm::unified)
    call.arguments = {"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short",
                      "-M",   range.base,      range.head,      "--"};
  else
    call.arguments = {"format-patch",
                      "--stdout",
                      "--no-ext-diff",
                      "--no-textconv",
                      "--no-color",
                      "--no-signature",
                      "-M",
                      range.base + ".." + range.head,
                      "--"};
  auto output = co_await git.checked(std::move(call), "cannot read the changes");
  if (!output && output.error().code == ErrorCode::exhausted)
    co_return fail(ErrorCode::exhausted,
                   "the changes are larger than {} MiB; fetch the branch and look at them with git",
                   range.max_bytes >> 20);
  co_return output;
}

Result<ports::DiffStat> parse_numstat(std::string_view text) {
  ports::DiffStat stat;
  std::int64_t insertions = 0, deletions = 0;
  const auto number = [](std::string_view field) -> std::int64_t {
    std::int64_t value = 0;  // "-" for a binary file
    std::from_chars(field.data(), field.data() + field.size(), value);
    return value;
  };
  const auto next = [&]() -> std::string_view {
    const auto end = std::min(text.find('\0'), text.size());
    const auto record = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return record;
  };
  while (!text.empty()) {
    const auto record = next();
    const auto first = record.find('\t');
    const auto second = first == std::string_view::npos ? first : record.find('\t', first + 1);
    if (second == std::string_view::npos)
      return fail(ErrorCode::corrupt, "git's list of changed files does not parse");
    insertions += number(record.substr(0, first));
    deletions += number(record.substr(first + 1, second - first - 1));
    ++stat.files;
    // A rename has an empty path here and two records more: the old name and the new.
    if (second + 1 == record.size()) {
      next();
      next();
    }
  }
  stat.insertions = clamp_int(insertions);
  stat.deletions = clamp_int(deletions);
  return stat;
}

Task<Result<ports::DiffStat>> read_diff_stat(const Git& git, Range range) {
  GitCall call{.repository = range.mirror,
               .arguments = {"diff", "--numstat", "-z", "--no-ext-diff", "--no-textconv", "-M",
                             range.base, range.head, "--"},
               .timeout = range.timeout};
  CORRAL_CO_TRY(const auto output,
                co_await git.checked(std::move(call), "cannot count the changes"));
  co_return parse_numstat(output);
}

Task<Result<std::vector<ports::Commit>>> read_commits(const Git& git, Range range) {
  GitCall call{.repository = range.mirror,
               .arguments = {"log", "-z", "--format=%H%x09%s", "--encoding=UTF-8", "--no-color",
                             "--no-show-signature", fmt::format("--max-count={}", kMaxCommits),
                             range.base + ".." + range.head, "--"},
               .timeout = range.timeout};
  CORRAL_CO_TRY(const auto output,
                co_await git.checked(std::move(call), "cannot list the commits"));
  std::vector<ports::Commit> commits;
  for (std::string_view rest = output; !rest.empty();) {
    const auto end = std::min(rest.find('\0'), rest.size());
    const auto record = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (record.size() < 41 || !is_commit_hash(record.substr(0, 40)))
      co_return fail(ErrorCode::corrupt, "git's list of commits does not parse");
    commits.push_back({std::string(record.substr(0, 40)), to_utf8(record.substr(41))});
  }
  co_return commits;
}

}  // namespace corral::adapters::git
