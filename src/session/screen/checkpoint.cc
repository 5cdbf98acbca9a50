#include "session/screen/checkpoint.h"

#include <algorithm>

#include "base/crc32c.h"
#include "session/screen/charset.h"

namespace corral::session::screen {

namespace {

constexpr std::string_view kMagic = "CRSC";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 4;

class Writer {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    out += value;
  }
  std::string out;
};

// Reads what Writer wrote; after the first thing that does not fit, all is 0 and ok() false.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  // At most `most`.
  std::uint32_t number(std::uint64_t most = 0xFFFFFFFF) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (in_.empty()) return bad();
      const auto byte = static_cast<unsigned char>(in_[0]);
      in_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value <= most ? static_cast<std::uint32_t>(value) : bad();
    }
    return bad();
  }
  bool flag() { return number(1) == 1; }
  // Well-formed UTF-8 without control characters, but for one line feed where `line_feeds` is 1.
  std::string text(std::size_t most_bytes, int line_feeds = 0) {
    const auto size = number(most_bytes);
    if (size > in_.size()) bad();
    if (!ok_) return {};
    std::string value(in_.substr(0, size));
    in_.remove_prefix(size);
    for (std::size_t at = 0; at < value.size();) {
      const auto from = at;
      const auto code = take_utf8(value, at);
      std::string again;
      append_utf8(again, code);
      if (code == '\n' && line_feeds-- > 0) continue;
      // DEL is let through in strings.
      if ((!is_character(code) && code != 0x7F) || again != value.substr(from, at - from)) bad();
    }
    if (line_feeds > 0) bad();
    return value;
  }
  static bool is_character(std::uint32_t code) {
    return code >= 0x20 && (code < 0x7F || code > 0x9F) && code <= 0x10FFFF &&
           (code < 0xD800 || code > 0xDFFF);
  }
  std::uint32_t bad() {
    ok_ = false;
    in_ = {};
    return 0;
  }
  void require(bool condition) {
    if (!condition) bad();
  }
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

// A cell's content in few bytes for ASCII: the code point or cluster, and three bits.
std::uint32_t packed(Cell cell) {
  return (cell.content & kCodePointMask) << 3 | ((cell.content & kCombined) != 0 ? 4u : 0u) |
         cell.width();
}

void save_row(Writer& w, const Row& row, Renumbering& renumber, std::uint32_t columns) {
  w.number(renumber.attributes(row.fill()));
  w.number(row.wrapped ? 1 : 0);
  auto size = std::min(row.size(), columns);
  while (size > 0 && row.at(size - 1) == Cell{kNull, row.fill()}) --size;
  w.number(size);
  for (std::uint32_t from = 0; from < size;) {
    const auto attributes = row.at(from).attributes;
    auto to = from;
    while (to < size && row.at(to).attributes == attributes) ++to;
    w.number(renumber.attributes(attributes));
    w.number(to - from);
    for (; from < to; ++from) w.number(packed(renumber(row.at(from))));
  }
}

Row restore_row(Reader& r, const Pools& pools, std::uint32_t columns) {
  const auto most = pools.attributes.size() - 1;
  const auto fill = r.number(most);
  r.require(!r.ok() || pools.attributes[fill].only_background());
  Row row(fill, r.flag());
  const auto size = r.number(columns);
  for (std::uint32_t from = 0; r.ok() && from < size;) {
    const auto attributes = r.number(most);
    const auto count = r.number(size - from);
    r.require(count > 0);
    if (!r.ok()) break;
    Cell* const cells = row.open(from, from + count);
    for (std::uint32_t index = 0; index < count; ++index) {
      const auto value = r.number(std::uint64_t{kCodePointMask} << 3 | 7);
      const auto width = value & 3;
      const auto code = value >> 3;
      const bool combined = (value & 4) != 0;
      if (combined)
        r.require(code > 0 && code < pools.clusters.size());
      else
        r.require(code == 0 ? width < 2 : Reader::is_character(code));
      r.require(width < 3);
      cells[index] =
          r.ok() ? Cell{code | (combined ? kCombined : 0) | width << kWidthShift, attributes}
                 : Cell{};
    }
    from += count;
  }
  return row;
}

void save_attributes(Writer& w, const Attributes& attributes, std::uint32_t link) {
  w.number(attributes.foreground);
  w.number(attributes.background);
  w.number(attributes.extended);
  w.number(link);
}

Attributes restore_attributes(Reader& r, const Pools& pools) {
  Attributes a;
  a.foreground = r.number();
  a.background = r.number();
  a.extended = r.number(kStyleMask | kColorMask);
  a.link = r.number(pools.links.size() - 1);
  return a;
}

void save_charset(Writer& w, CharsetMap set) {
  w.number(static_cast<unsigned char>(charset_designator(set)));
}

CharsetMap restore_charset(Reader& r) {
  const auto name = static_cast<char>(r.number(127));
  r.require(!r.ok() || is_charset(name));
  return charset(name);
}

void save_buffer(Writer& w, const Buffer& buffer) {
  for (const auto value :
       {buffer.base, buffer.x, buffer.y, buffer.top, buffer.bottom, buffer.saved_x, buffer.saved_y,
        buffer.saved_foreground, buffer.saved_background})
    w.number(value);
  save_charset(w, buffer.saved_charset);
  for (std::uint32_t column = 0; column <= buffer.columns; ++column)
    w.number(buffer.tabs[column] ? 1 : 0);
}

void restore_buffer(Reader& r, Buffer& buffer, std::size_t lines) {
  const auto rows = buffer.rows;
  buffer.base = r.number(lines);
  r.require(lines == 0 ? buffer.base == 0 : buffer.base + rows == lines);
  buffer.x = r.number(buffer.columns);
  buffer.y = r.number(rows - 1);
  buffer.top = r.number(rows - 1);
  buffer.bottom = r.number(rows - 1);
  r.require(buffer.top < buffer.bottom || (rows == 1 && buffer.top == 0));
  buffer.saved_x = r.number(buffer.columns);
  buffer.saved_y = r.number(2 * (kMaxScrollback + kMaxRows));
  buffer.saved_foreground = r.number();
  buffer.saved_background = r.number();
  buffer.saved_charset = restore_charset(r);
  for (std::uint32_t column = 0; column <= buffer.columns; ++column) buffer.tabs[column] = r.flag();
}

void save_modes(Writer& w, const Terminal& t) {
  const auto& m = t.modes;
  for (const bool flag : {t.alternate_active, m.insert, m.application_cursor, m.application_keypad,
                          m.bracketed_paste, m.origin, m.reverse_wrap, m.send_focus, m.synchronized,
                          m.wrap, t.cursor_hidden, t.convert_eol, t.string_too_long})
    w.number(flag ? 1 : 0);
  const auto maybe = [&](std::optional<bool> value) { w.number(value ? 1 + (*value ? 1 : 0) : 0); };
  maybe(m.cursor_blink);
  maybe(t.blink_option);
  w.number(static_cast<std::uint64_t>(m.cursor_style));
  w.number(static_cast<std::uint64_t>(t.mouse));
  w.number(static_cast<std::uint64_t>(t.mouse_encoding));
}

void restore_modes(Reader& r, Terminal& t) {
  auto& m = t.modes;
  for (bool* const flag :
       {&t.alternate_active, &m.insert, &m.application_cursor, &m.application_keypad,
        &m.bracketed_paste, &m.origin, &m.reverse_wrap, &m.send_focus, &m.synchronized, &m.wrap,
        &t.cursor_hidden, &t.convert_eol, &t.string_too_long})
    *flag = r.flag();
  const auto maybe = [&]() -> std::optional<bool> {
    const auto value = r.number(2);
    return value == 0 ? std::nullopt : std::optional(value == 2);
  };
  m.cursor_blink = maybe();
  t.blink_option = maybe();
  m.cursor_style = static_cast<Style>(r.number(3));
  t.mouse = static_cast<Mouse>(r.number(4));
  t.mouse_encoding = static_cast<MouseEncoding>(r.number(2));
}

void save_parser(Writer& w, const Terminal& t) {
  w.number(static_cast<std::uint64_t>(t.state));
  w.text(t.params.text());
  w.number(t.collected);
  w.number(static_cast<std::uint64_t>(t.osc_state));
  w.number(static_cast<std::uint64_t>(t.osc_number + 1));
  w.text(t.string_payload);
  w.number(t.dcs_function);
  w.number(t.utf8_size);
  for (std::uint32_t index = 0; index < t.utf8_size; ++index) w.number(t.utf8[index]);
  w.number(t.join);
}

void restore_parser(Reader& r, Terminal& t) {
  t.state = static_cast<State>(r.number(kStates - 1));
  for (const char c : r.text(2048)) {
    if (c == ';')
      t.params.add();
    else if (c == ':')
      t.params.add_sub();
    else if (c >= '0' && c <= '9')
      t.params.digit(c - '0');
    else
      r.bad();
  }
  t.collected = r.number(Terminal::kTooMany);
  t.osc_state = static_cast<Terminal::Osc>(r.number(2));
  t.osc_number = static_cast<std::int32_t>(r.number(1'000'010)) - 1;
  t.string_payload = r.text(kMaxStringBytes);
  t.dcs_function = r.number(Terminal::kTooMany);
  t.utf8_size = r.number(3);
  for (std::uint32_t index = 0; index < t.utf8_size; ++index) {
    t.utf8[index] = static_cast<unsigned char>(r.number(0xFF));
    const std::uint32_t wanted = t.utf8[0] < 0xE0 ? 2 : t.utf8[0] < 0xF0 ? 3 : 4;
    r.require(index == 0 ? t.utf8[0] >= 0xC0 && t.utf8[0] <= 0xF7
                         : (t.utf8[index] & 0xC0) == 0x80 && t.utf8_size < wanted);
  }
  t.join = r.number(5);
}

}  // namespace

std::string save(const Terminal& t) {
  Pools used;
  Renumbering renumber(t.pools, used);
  Writer lines;
  for (const auto* buffer : {&t.normal, &t.alternate})
    for (std::size_t index = 0; index < buffer->lines.size(); ++index)
      save_row(lines, buffer->lines[index], renumber, t.columns);
  const auto pen_link = renumber.link(t.pen.link);

  Writer w;
  w.out = kMagic;
  w.number(kVersion);
  w.number(t.columns);
  w.number(t.rows);
  w.number(t.normal.scrollback);
  w.number(t.normal.scrollback_bytes_limit);
  w.number(used.links.size());
  for (std::uint32_t each = 1; each < used.links.size(); ++each) w.text(used.links[each]);
  w.number(used.clusters.size());
  for (std::uint32_t each = 1; each < used.clusters.size(); ++each) w.text(used.clusters[each]);
  w.number(used.attributes.size());
  for (std::uint32_t each = 1; each < used.attributes.size(); ++each)
    save_attributes(w, used.attributes[each], used.attributes[each].link);
  w.number(t.normal.lines.size());
  w.number(t.alternate.lines.size());
  w.out += lines.out;
  save_buffer(w, t.normal);
  save_buffer(w, t.alternate);
  save_attributes(w, t.pen, pen_link);
  save_modes(w, t);
  save_charset(w, t.charset);
  for (const auto set : t.charsets) save_charset(w, set);
  w.number(t.level);
  w.text(t.title);
  w.number(t.colors.size());
  for (const auto& [number, color] : t.colors) {
    w.number(number);
    w.number(color);
  }
  save_parser(w, t);
  // Replies hold escapes, which no other text here may.
  w.number(t.replies.size());
  w.out += t.replies;
  const auto checksum = crc32c(w.out);
  for (std::size_t byte = 0; byte < kChecksumBytes; ++byte)
    w.out += static_cast<char>(checksum >> 8 * byte);
  return w.out;
}

Result<std::unique_ptr<Terminal>> restore(std::string_view saved) {
  const auto corrupt = [](std::string_view why) {
    return fail(ErrorCode::corrupt, "a saved screen does not parse: {}", why);
  };
  if (!saved.starts_with(kMagic) || saved.size() < kMagic.size() + kChecksumBytes)
    return corrupt("it does not begin as one");
  const auto body = saved.substr(0, saved.size() - kChecksumBytes);
  std::uint32_t checksum = 0;
  for (std::size_t byte = 0; byte < kChecksumBytes; ++byte)
    checksum |= std::uint32_t{static_cast<unsigned char>(saved[body.size() + byte])} << 8 * byte;
  if (checksum != crc32c(body)) return corrupt("its checksum is wrong");

  Reader r(body.substr(kMagic.size()));
  if (const auto version = r.number(); r.ok() && version != kVersion)
    return fail(ErrorCode::unsupported, "a saved screen is of version {}, this program reads {}",
                version, kVersion);
  const auto columns = r.number(kMaxColumns);
  const auto rows = r.number(kMaxRows);
  const auto scrollback = r.number(kMaxScrollback);
  const auto bytes_limit = r.number();
  r.require(columns >= 2 && rows >= 1);
  if (!r.ok()) return corrupt("its size is out of bounds");
  auto terminal = std::make_unique<Terminal>(columns, rows, scrollback, bytes_limit);
  auto& t = *terminal;
  const auto links = r.number(body.size() + 1);
  for (std::uint32_t each = 1; r.ok() && each < links; ++each)
    r.require(t.pools.links.number(r.text(kMaxStringBytes + 16, 1)) == each);
  const auto clusters = r.number(kMaxClusters);
  for (std::uint32_t each = 1; r.ok() && each < clusters; ++each)
    r.require(t.pools.clusters.number(r.text(kMaxClusterBytes)) == each);
  const auto attributes = r.number(body.size() + 1);
  for (std::uint32_t each = 1; r.ok() && each < attributes; ++each)
    r.require(t.pools.attributes.number(restore_attributes(r, t.pools)) == each);
  r.require(links > 0 && clusters > 0 && attributes > 0);

  const auto normal_lines = r.number(std::uint64_t{rows} + scrollback);
  const auto alternate_lines = r.number(rows);
  r.require(normal_lines >= rows && (alternate_lines == 0 || alternate_lines == rows));
  for (auto* buffer : {&t.normal, &t.alternate}) {
    std::vector<Row> read;
    const auto count = buffer == &t.normal ? normal_lines : alternate_lines;
    while (r.ok() && read.size() < count) read.push_back(restore_row(r, t.pools, columns));
    buffer->lines.assign(std::move(read));
  }
  restore_buffer(r, t.normal, normal_lines);
  restore_buffer(r, t.alternate, alternate_lines);
  t.pen = restore_attributes(r, t.pools);
  restore_modes(r, t);
  r.require(t.alternate_active == (alternate_lines > 0));
  t.charset = restore_charset(r);
  for (auto& set : t.charsets) set = restore_charset(r);
  t.level = r.number(3);
  t.title = r.text(kMaxStringBytes);
  for (auto count = r.number(kCursorColor + 1); r.ok() && count > 0; --count) {
    const auto number = r.number(kCursorColor);
    t.colors[number] = r.number(kRgbMask);
  }
  restore_parser(r, t);
  auto reply_bytes = r.number(kMaxReplyBytes);
  for (; r.ok() && reply_bytes > 0; --reply_bytes) t.replies += static_cast<char>(r.number(0x7F));
  if (!r.ok() || !r.at_end()) return corrupt("a value is out of bounds, or the end is missing");
  t.normal.count_bytes();
  t.state_replaced();
  return terminal;
}

}  // namespace corral::session::screen
