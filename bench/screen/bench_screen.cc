// How fast a Screen follows a program's output, beside libvterm, by turns in one run: CPU time, the
// best of several rounds each.
#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

#include <fmt/format.h>

extern "C" {
#include <vterm.h>
}

#include "session/screen/screen.h"

namespace {

constexpr int kColumns = 80;
constexpr int kRows = 24;
constexpr std::size_t kBytes = 16u << 20;
constexpr std::size_t kChunk = 32u << 10;  // what is read from a terminal at once, at most

std::string repeat_to_size(const std::function<std::string(int)>& line) {
  std::string text;
  for (int number = 0; text.size() < kBytes; ++number) text += line(number);
  return text;
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double rate(std::string_view text, void (*play)(std::string_view)) {
  const auto from = cpu_seconds();
  play(text);
  return static_cast<double>(text.size()) / (cpu_seconds() - from) / 1e6;
}

void play_screen(std::string_view text) {
  corral::session::Screen screen(kColumns, kRows);
  for (; !text.empty(); text.remove_prefix(std::min(kChunk, text.size())))
    screen.feed(text.substr(0, kChunk));
}

void play_vterm(std::string_view text) {
  VTerm* const terminal = vterm_new(kRows, kColumns);
  vterm_set_utf8(terminal, 1);
  VTermScreen* const screen = vterm_obtain_screen(terminal);
  vterm_screen_enable_altscreen(screen, 1);
  vterm_screen_reset(screen, 1);
  for (; !text.empty(); text.remove_prefix(std::min(kChunk, text.size()))) {
    const auto part = text.substr(0, kChunk);
    vterm_input_write(terminal, part.data(), part.size());
  }
  vterm_free(terminal);
}

}  // namespace

int main(int count, char** arguments) {
  struct Load {
    const char* name;
    std::string text;
  };
  const Load loads[] = {
      {"plain text, lines of 60", repeat_to_size([](int n) {
         return fmt::format("{:08} the quick brown fox jumps over the lazy dog, again\r\n", n);
       })},
      {"plain text, no line ends", repeat_to_size([](int) { return std::string(997, 'x'); })},
      {"colour on every word", repeat_to_size([](int n) {
         return fmt::format(
             "\x1b[32m{:04}\x1b[0m \x1b[1;34mthe\x1b[m \x1b[38;5;{}mquick\x1b[m "
             "\x1b[7mbrown\x1b[27m fox\r\n",
             n % 10000, n % 256);
       })},
      {"true colour on every cell", repeat_to_size([](int n) {
         return fmt::format("\x1b[38;2;{};{};{}m#", n % 256, n / 3 % 256, n / 7 % 256);
       })},
      {"CJK and box drawing", repeat_to_size([](int n) {
         return fmt::format("│ {} 世界日本語 ├──────┤ häßlich │\r\n", n);
       })},
      {"full-screen redraws", repeat_to_size([](int n) {
         std::string frame = "\x1b[H";
         for (int row = 1; row <= kRows; ++row)
           frame += fmt::format(
               "\x1b[{};1H\x1b[K\x1b[{}m{:>6} root  20  0 {:>7} S \x1b[0;1m{:5.1f}\x1b[m", row,
               30 + (n + row) % 8, n, n * row, row * 1.5);
         return frame;
       })},
  };
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 3;
  fmt::print("{:<28}{:>10}{:>12}{:>8}\n", "MB/s of CPU time", "Corral", "libvterm", "ratio");
  for (const auto& load : loads) {
    double own = 0, peer = 0;
    for (int round = 0; round < rounds; ++round) {
      own = std::max(own, rate(load.text, play_screen));
      // libvterm is given a part: its rate does not depend on the size.
      peer = std::max(peer, rate(std::string_view(load.text).substr(0, kBytes / 8), play_vterm));
    }
    fmt::print("{:<28}{:>10.0f}{:>12.1f}{:>7.1f}x\n", load.name, own, peer, own / peer);
  }
  corral::session::Screen idle(kColumns, kRows);
  idle.feed("$ ls\r\n");
  corral::session::Screen full(kColumns, kRows);
  full.feed(std::string_view(loads[2].text).substr(0, 2u << 20));
  fmt::print("memory: idle {} KB, with {} lines of history {} KB; its snapshot {} KB\n",
             idle.memory_bytes() / 1000, full.scrollback_lines(), full.memory_bytes() / 1000,
             full.snapshot(2000).size() / 1000);
}
