// The screen, fed what a program in a sandbox prints: any bytes, in any split, give the same state;
// a snapshot brings about what its own snapshot is again; a checkpoint is read back as it was
// written, and one that was made up is refused or is a screen like any other.
#include "base/crc32c.h"
#include "base/error.h"
#include "session/screen/screen.h"

namespace {

using corral::session::Screen;

constexpr corral::session::ScreenLimits kLimits{.scrollback_lines = 16,
                                                .scrollback_bytes = 1 << 16};

void check(const Screen& screen) {
  const auto snapshot = screen.snapshot(16);
  Screen again(screen.columns(), screen.rows(), kLimits);
  again.feed(snapshot);
  CORRAL_ASSERT(again.snapshot(16) == snapshot && again.text() == screen.text());
  const auto saved = screen.save();
  const auto restored = Screen::restore(saved);
  CORRAL_ASSERT(restored && restored->save() == saved && restored->snapshot(16) == snapshot);
  CORRAL_ASSERT(screen.memory_bytes() < 64u << 20);
  (void)screen.json();
}

// The first bytes are the size and a later one, and how the rest is split.
void play(std::string_view input) {
  if (input.size() < 5) return;
  const auto number = [&](std::size_t at) { return static_cast<unsigned char>(input[at]); };
  const auto output = input.substr(5);
  Screen whole(number(0) % 40, number(1) % 12, kLimits);
  Screen split(number(0) % 40, number(1) % 12, kLimits);
  whole.feed(output);
  const std::size_t piece = 1 + number(4) % 16;
  for (std::size_t at = 0; at < output.size(); at += piece) split.feed(output.substr(at, piece));
  CORRAL_ASSERT(split.save() == whole.save());
  check(whole);
  whole.resize(number(2) % 40, number(3) % 12);
  check(whole);
  whole.feed(output);
  check(whole);
}

void restore(std::string_view input) {
  std::string made_up(input);
  const auto checksum = corral::crc32c(made_up);
  for (int byte = 0; byte < 4; ++byte) made_up += static_cast<char>(checksum >> 8 * byte);
  auto restored = Screen::restore(made_up);
  if (!restored) return;
  const auto saved = restored->save();
  const auto again = Screen::restore(saved);
  CORRAL_ASSERT(again && again->save() == saved);
  (void)restored->snapshot(16);
  (void)restored->text();
  (void)restored->json();
  restored->feed(
      "x\r\n\x1b[2;2H\x1b[2J\x1b[?1049h\x1b"
      "8text\x1b[3S\x1bM");
  restored->resize(7, 3);
  (void)restored->save();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("CRSC"))
    restore(input);
  else
    play(input);
  return 0;
}
