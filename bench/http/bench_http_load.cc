// An open-loop load of GET requests: each has its time, whether or not earlier ones have been
// answered, and its latency counts from that time. So a server that stalls is charged for all that
// had to wait (no coordinated omission).
//   bench_http_load PORT PATH RATE SECONDS CONNECTIONS     prints: answered, errors, p50, p99 and
//   p99.9 in ms
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
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/task.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

struct Load {
  std::string request;
  std::uint16_t port;
  Clock::time_point begin, end;
  Clock::duration step;  // between two requests of one connection
};

struct Figures {
  std::vector<double> latencies_ms;
  std::size_t errors = 0;
};

// One answer with a Content-Length; its status.
corral::Task<int> read_answer(tcp::socket& socket, std::string& buffer) {
  const auto head = co_await asio::async_read_until(socket, asio::dynamic_buffer(buffer),
                                                    "\r\n\r\n", asio::use_awaitable);
  const auto at = buffer.find("Content-Length: ");
  const std::size_t length = at < head ? std::stoul(buffer.substr(at + 16)) : 0;
  const int status = std::stoi(buffer.substr(9, 3));
  const std::size_t have = buffer.size() - head;
  if (have < length)
    co_await asio::async_read(socket, asio::dynamic_buffer(buffer),
                              asio::transfer_exactly(length - have), asio::use_awaitable);
  buffer.erase(0, head + length);
  co_return status;
}

corral::Task<void> drive(const Load& load, Clock::duration offset, Figures& figures) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  co_await socket.async_connect({asio::ip::address_v4::loopback(), load.port}, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  asio::steady_timer timer(executor);
  std::string buffer;
  for (auto due = load.begin + offset; due < load.end; due += load.step) {
    if (due > Clock::now()) {
      timer.expires_at(due);
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_await asio::async_write(socket, asio::buffer(load.request), asio::use_awaitable);
    if (co_await read_answer(socket, buffer) != 200) ++figures.errors;
    figures.latencies_ms.push_back(
        std::chrono::duration<double, std::milli>(Clock::now() - due).count());
  }
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "usage: bench_http_load PORT PATH RATE SECONDS CONNECTIONS\n");
    return 2;
  }
  const double rate = std::atof(arguments[3]);
  const int seconds = std::atoi(arguments[4]), connections = std::atoi(arguments[5]);
  Load load;
  load.port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
  load.request = std::string("GET ") + arguments[2] +
                 " HTTP/1.1\r\nHost: 127.0.0.1:" + arguments[1] + "\r\n\r\n";
  load.step = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(connections / rate));
  load.begin = Clock::now() + std::chrono::milliseconds(100);
  load.end = load.begin + std::chrono::seconds(seconds);

  Figures figures;
  asio::io_context context(1);
  for (int i = 0; i < connections; ++i)
    asio::co_spawn(context, drive(load, load.step * i / connections, figures),
                   [&](std::exception_ptr thrown) {
                     if (thrown) ++figures.errors;
                   });
  context.run();
  auto& all = figures.latencies_ms;
  if (all.empty()) {
    std::fprintf(stderr, "no answers from port %u\n", load.port);
    return 1;
  }
  std::ranges::sort(all);
  std::printf("%zu %zu %.3f %.3f %.3f\n", all.size(), figures.errors, percentile(all, 0.5),
              percentile(all, 0.99), percentile(all, 0.999));
  return figures.errors == 0 ? 0 : 1;
}
