// A load for WebSocket servers that costs little itself: it sends one frame made beforehand, and
// counts the bytes that come back, whose framing it knows.
//   bench_websocket_load echo PORT PATH CONNECTIONS BYTES SECONDS       prints MB/s that came back
//   bench_websocket_load push PORT PATH CONNECTIONS BYTES SECONDS       prints MB/s that came
//   bench_websocket_load latency PORT PATH CONNECTIONS BYTES SECONDS    prints p50, p99 in µs
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/task.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr int kWindow = 4;  // messages under way on an echoing connection

struct Load {
  std::string mode, path;
  std::uint16_t port = 0;
  std::size_t bytes = 0;
  Clock::time_point begin, end;
  std::uint64_t received = 0;  // between the two, payload
  std::vector<double> micros;
  int failed = 0;
};

std::size_t wire_bytes(std::size_t payload) {
  return payload + 2 + (payload < 126 ? 0 : payload < 65536 ? 2 : 8);
}

// Binary, masked with a key that changes something, so that unmasking it is real work.
std::string masked_frame(std::size_t bytes) {
  const unsigned char key[4] = {0x37, 0xfa, 0x21, 0x3d};
  std::string frame{'\x82'};
  const int wide = bytes < 126 ? 0 : bytes < 65536 ? 2 : 8;
  frame += static_cast<char>(0x80 | (wide == 0 ? static_cast<int>(bytes) : wide == 2 ? 126 : 127));
  for (int shift = (wide - 1) * 8; shift >= 0; shift -= 8)
    frame += static_cast<char>(bytes >> shift);
  for (const unsigned char byte : key) frame += static_cast<char>(byte);
  for (std::size_t i = 0; i < bytes; ++i) frame += static_cast<char>('x' ^ key[i % 4]);
  return frame;
}

corral::Task<void> open(tcp::socket& socket, const Load& load) {
  co_await socket.async_connect({asio::ip::address_v4::loopback(), load.port}, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      load.path);
  co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
  std::string head;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(head), "\r\n\r\n",
                                  asio::use_awaitable);
  if (!head.starts_with("HTTP/1.1 101")) throw std::runtime_error("no WebSocket there");
}

corral::Task<void> run_bulk(Load& load) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await open(socket, load);
  const bool echo = load.mode == "echo";
  const std::string frame = masked_frame(load.bytes);
  std::string window;
  for (int i = 0; i < kWindow; ++i) window += frame;
  if (echo) co_await asio::async_write(socket, asio::buffer(window), asio::use_awaitable);
  const std::size_t whole = wire_bytes(load.bytes);
  std::vector<char> buffer(512u << 10);
  std::size_t rest = 0;
  while (Clock::now() < load.end) {
    rest += co_await socket.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    const std::size_t messages = rest / whole;
    rest %= whole;
    if (Clock::now() >= load.begin) load.received += messages * load.bytes;
    for (std::size_t i = 0; echo && i < messages; ++i)
      co_await asio::async_write(socket, asio::buffer(frame), asio::use_awaitable);
  }
}

corral::Task<void> run_turns(Load& load) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await open(socket, load);
  const std::string frame = masked_frame(load.bytes);
  std::string answer(wire_bytes(load.bytes), '\0');
  while (true) {
    const auto began = Clock::now();
    if (began >= load.end) break;
    co_await asio::async_write(socket, asio::buffer(frame), asio::use_awaitable);
    co_await asio::async_read(socket, asio::buffer(answer), asio::use_awaitable);
    if (began >= load.begin)
      load.micros.push_back(
          std::chrono::duration<double, std::micro>(Clock::now() - began).count());
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 7) return 2;
  Load load{.mode = arguments[1], .path = arguments[3]};
  load.port = static_cast<std::uint16_t>(std::atoi(arguments[2]));
  const int connections = std::atoi(arguments[4]);
  load.bytes = std::strtoul(arguments[5], nullptr, 10);
  const double seconds = std::strtod(arguments[6], nullptr);
  const auto span = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  load.begin = Clock::now() + span(0.3);
  load.end = load.begin + span(seconds);
  asio::io_context context(1);
  for (int i = 0; i < connections; ++i)
    asio::co_spawn(context, load.mode == "latency" ? run_turns(load) : run_bulk(load),
                   [&](std::exception_ptr thrown) { load.failed += thrown != nullptr; });
  context.run();
  if (load.failed > 0) {
    fmt::print(stderr, "{} of {} connections failed\n", load.failed, connections);
    return 1;
  }
  if (load.mode == "latency") {
    std::ranges::sort(load.micros);
    const auto at = [&](double part) {
      return load
          .micros[static_cast<std::size_t>(static_cast<double>(load.micros.size() - 1) * part)];
    };
    fmt::print("{:.1f} {:.1f}\n", at(0.5), at(0.99));
  } else {
    fmt::print("{:.1f}\n", static_cast<double>(load.received) / 1e6 / seconds);
  }
  return 0;
}
