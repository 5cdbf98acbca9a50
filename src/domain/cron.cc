#include "domain/cron.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace corral::domain {
namespace {

struct Field {
  std::string_view what;
  int least, most;
  std::string_view names;  // three letters each, from `least`
};
constexpr std::array<Field, 5> kFields{
    Field{"minute", 0, 59, ""}, Field{"hour", 0, 23, ""}, Field{"day of month", 1, 31, ""},
    Field{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    Field{"day of week", 0, 7, "sunmontuewedthufrisat"}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kShorthands{
    {{"@hourly", "0 * * * *"},
     {"@daily", "0 0 * * *"},
     {"@midnight", "0 0 * * *"},
     {"@weekly", "0 0 * * 0"},
     {"@monthly", "0 0 1 * *"},
     {"@yearly", "0 0 1 1 *"},
     {"@annually", "0 0 1 1 *"}}};

std::optional<int> number(std::string_view text, const Field& field) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() && error == std::errc() && end == text.data() + text.size() &&
      value >= field.least && value <= field.most)
    return value;
  if (text.size() != 3) return std::nullopt;
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c | 0x20);
  for (std::size_t at = 0; at + 3 <= field.names.size(); at += 3)
    if (field.names.substr(at, 3) == lower) return field.least + static_cast<int>(at / 3);
  return std::nullopt;
}

std::optional<std::string_view> take(std::string_view& rest, std::string_view separators) {
  const auto begin = rest.find_first_not_of(separators);
  if (begin == std::string_view::npos) return std::nullopt;
  const auto end = std::min(rest.find_first_of(separators, begin), rest.size());
  const auto word = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return word;
}

// One element of a list: "*", "5", "1-5", "*/10", "1-30/2".
template <std::size_t N>
bool add(std::string_view text, const Field& field, std::bitset<N>& out) {
  int step = 1;
  bool stepped = false;
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || step < 1)
      return false;
    step = std::min(step, field.most + 1);
    text = text.substr(0, slash);
    stepped = true;
  }
  int first = field.least, last = field.most;
  if (text != "*") {
    const auto dash = text.find('-');
    const auto low = number(text.substr(0, dash), field);
    const auto high = dash == std::string_view::npos ? low : number(text.substr(dash + 1), field);
    if (!low || !high || *high < *low) return false;
    first = *low;
    last = dash == std::string_view::npos && stepped ? field.most : *high;
  }
  // A week's day 7 is Sunday, as 0 is.
  for (int value = first; value <= last; value += step)
    out.set(static_cast<std::size_t>(value) % (N == 7 ? 7 : N));
  return true;
}

template <std::size_t N>
Result<void> read(std::string_view text, const Field& field, std::bitset<N>& out) {
  const std::string_view whole = text;
  if (text.starts_with(',') || text.ends_with(',') || text.contains(",,")) text = "?";
  while (const auto item = take(text, ","))
    if (!add(*item, field, out))
      return fail(
          ErrorCode::invalid,
          "cron: \"{}\" is no {}: use * or {} to {}, with lists 1,2 ranges 1-5 and steps */2",
          whole, field.what, field.least, field.most);
  return {};
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  for (const auto& [name, meaning] : kShorthands)
    if (text == name) text = meaning;
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  for (auto rest = text; const auto word = take(rest, " \t"); ++count)
    if (count < words.size()) words[count] = *word;
  if (count != words.size())
    return fail(ErrorCode::invalid,
                "cron: \"{}\" has {} fields, not the five minute, hour, day of month, month, day "
                "of week (\"30 3 * * 1-5\", or @daily)",
                text, count);
  Cron cron;
  CORRAL_CHECK(read(words[0], kFields[0], cron.minutes_));
  CORRAL_CHECK(read(words[1], kFields[1], cron.hours_));
  CORRAL_CHECK(read(words[2], kFields[2], cron.days_));
  CORRAL_CHECK(read(words[3], kFields[3], cron.months_));
  CORRAL_CHECK(read(words[4], kFields[4], cron.weekdays_));
  cron.any_day_ = words[2].starts_with('*');
  cron.any_weekday_ = words[4].starts_with('*');
  return cron;
}

bool Cron::matches(std::chrono::local_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const bool by_day = days_.test(static_cast<unsigned>(date.day()));
  const bool by_weekday = weekdays_.test(std::chrono::weekday(day).c_encoding());
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<Time> Cron::next_after(Time after, const Zone& zone) const {
  using namespace std::chrono;
  const auto start = floor<minutes>(zone.to_local(floor<seconds>(after)));
  const auto first_day = floor<days>(start);
  for (auto day = first_day; day < first_day + days(5 * 366); day += days(1)) {
    if (!matches(day)) continue;
    for (std::size_t hour = 0; hour < hours_.size(); ++hour) {
      if (!hours_.test(hour)) continue;
      for (std::size_t minute = 0; minute < minutes_.size(); ++minute) {
        if (!minutes_.test(minute)) continue;
        const auto local = local_seconds(day) + hours(hour) + minutes(minute);
        // An hour earlier too: after the clock is put back it shows times again that are past.
        if (local < start - hours(2)) continue;
        const auto time = zone.to_time(local);
        if (time && Time(duration_cast<Time::duration>(time->time_since_epoch())) > after)
          return Time(duration_cast<Time::duration>(time->time_since_epoch()));
      }
    }
  }
  return std::nullopt;
}

}  // namespace corral::domain
