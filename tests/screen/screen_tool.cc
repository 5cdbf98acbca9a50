// Plays a recording into a Screen and writes its snapshots, for compare.mjs.
//
//   corral_screen_tool SCROLLBACK OFFSET… < recording > snapshots
//
// A recording is a sequence of: 'r' u16 columns u16 rows · 'o' u32 length, then that many bytes of
// output (little-endian). OFFSETs count bytes of output, in ascending order; at each, and at the
// end of the recording, comes: u32 length and the snapshot, u32 length and the replies since the
// last.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "base/error.h"
#include "session/screen/screen.h"

namespace {

std::string read_all() {
  std::string all;
  char buffer[65536];
  for (;;) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(got));
  }
}

std::uint32_t take(std::string_view& in, int bytes) {
  std::uint32_t value = 0;
  CORRAL_ASSERT(in.size() >= static_cast<std::size_t>(bytes));
  for (int byte = 0; byte < bytes; ++byte)
    value |= std::uint32_t{static_cast<unsigned char>(in[static_cast<std::size_t>(byte)])}
             << 8 * byte;
  in.remove_prefix(static_cast<std::size_t>(bytes));
  return value;
}

void write(std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  for (int byte = 0; byte < 4; ++byte)
    std::fputc(static_cast<int>(size >> 8 * byte & 0xFF), stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  const auto scrollback = static_cast<std::uint32_t>(std::atoi(arguments[1]));
  std::vector<std::uint64_t> cuts;
  for (int index = 2; index < count; ++index)
    cuts.push_back(std::strtoull(arguments[index], nullptr, 10));
  const auto recording = read_all();
  std::string_view in = recording;
  CORRAL_ASSERT(!in.empty() && in[0] == 'r');
  corral::session::Screen screen(80, 24, {.scrollback_lines = scrollback});
  bool first = true;
  std::uint64_t played = 0;
  auto cut = cuts.begin();
  const auto report = [&] {
    write(screen.snapshot(scrollback));
    write(screen.take_replies());
  };
  while (!in.empty()) {
    const auto kind = take(in, 1);
    if (kind == 'r') {
      const auto columns = take(in, 2);
      const auto rows = take(in, 2);
      if (first)
        screen = corral::session::Screen(columns, rows, {.scrollback_lines = scrollback});
      else
        screen.resize(columns, rows);
      first = false;
      continue;
    }
    const auto size = take(in, 4);
    CORRAL_ASSERT(kind == 'o' && in.size() >= size);
    auto bytes = in.substr(0, size);
    in.remove_prefix(size);
    while (cut != cuts.end() && *cut <= played + bytes.size()) {
      const auto part = *cut - played;
      screen.feed(bytes.substr(0, part));
      bytes.remove_prefix(part);
      played += part;
      report();
      ++cut;
    }
    screen.feed(bytes);
    played += bytes.size();
  }
  report();
  return 0;
}
