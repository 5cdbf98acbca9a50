// Viewers of a terminal over WebSocket, the same for every server: they count what comes and type
// keys. It costs little itself.
//   bench_session_load bulk  PEER PORT PATH SESSION VIEWERS STALLED BYTES ROUNDS
//       each round one viewer types a line, whereupon the terminal prints BYTES; prints the MB/s
//       that each viewer got. Of the viewers the first STALLED (0, 1 or 2) are none that count: one
//       does not read at all, the next takes 1 Mbit/s.
//   bench_session_load echo  PEER PORT PATH SESSION VIEWERS KEYS
//       types KEYS keys, one after the other; prints p50 and p99 in µs until a key was echoed to
//       the last viewer
//   bench_session_load drain BYTES ROUNDS PROCESSES COMMAND…
//       bulk on a bare terminal, or on one behind so many processes that only copy
//   bench_session_load keys KEYS PROCESSES COMMAND…     echo there
//   bench_session_load shown PORT PATH SESSION ROUNDS   prints median and most ms from connecting
//   to the first screen
//   bench_session_load copy                             one of those that only copy
// PEER is corral, ttyd or plain (bytes in, bytes out). SESSION is Corral's alone.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/task.h"
#include "session/relay.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kCredit = 8u << 20;
constexpr std::size_t kHead = 13;  // of Corral's binary frames

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A client must mask: with zeros it need not change anything.
std::string frame(char opcode, std::string_view payload) {
  std::string bytes{static_cast<char>(0x80 | opcode)};
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else {
    bytes += static_cast<char>(0x80 | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size());
  }
  bytes.append(4, '\0');
  return bytes.append(payload);
}

enum class Peer { corral, ttyd, plain };
enum class Pace { fast, stalled, slow };

class Viewer {
 public:
  Viewer(asio::io_context& context, Peer peer, std::string session, int number, Pace pace)
      : peer_(peer), session_(std::move(session)), number_(number), pace_(pace), socket_(context) {}

  asio::awaitable<void> open(std::uint16_t port, std::string path) {
    co_await socket_.async_connect({asio::ip::address_v4::loopback(), port}, asio::use_awaitable);
    socket_.set_option(tcp::no_delay(true));
    if (pace_ != Pace::fast) socket_.set_option(asio::socket_base::receive_buffer_size(16 << 10));
    const std::string request = fmt::format(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "{}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        path, port, peer_ == Peer::ttyd ? "Sec-WebSocket-Protocol: tty\r\n" : "");
    co_await asio::async_write(socket_, asio::buffer(request), asio::use_awaitable);
    std::string head;
    const auto end = co_await asio::async_read_until(socket_, asio::dynamic_buffer(head),
                                                     "\r\n\r\n", asio::use_awaitable);
    if (!head.starts_with("HTTP/1.1 101")) throw std::runtime_error("no WebSocket: " + head);
    if (peer_ == Peer::ttyd) send(frame(2, R"({"AuthToken":"","columns":80,"rows":24})"));
    if (peer_ == Peer::corral) {
      send(frame(
          1, fmt::format(R"({{"type":"hello","version":1,"viewer":"bench-{:012}"}})", number_)));
      send(frame(
          1,
          fmt::format(
              R"({{"type":"attach","channel":1,"session":"{}","role":"{}","credit":{},"skip":{}}})",
              session_, number_ == 0 ? "own" : "view", kCredit,
              pace_ == Pace::fast ? "false" : "true")));
    }
    take(std::string_view(head).substr(end));
  }

  // Reads for ever: at its pace.
  asio::awaitable<void> read() {
    std::vector<char> buffer(pace_ == Pace::fast ? 256u << 10 : 12'500);
    asio::steady_timer timer(socket_.get_executor());
    for (;;) {
      if (pace_ == Pace::stalled) {
        timer.expires_after(std::chrono::hours(1));
        co_await timer.async_wait(asio::use_awaitable);
      }
      const auto got = co_await socket_.async_read_some(asio::buffer(buffer), asio::use_awaitable);
      take({buffer.data(), got});
      if (pace_ == Pace::fast) continue;
      timer.expires_after(std::chrono::milliseconds(100));
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

  void type(std::string_view keys) {
    std::string payload;
    if (peer_ == Peer::ttyd) payload = "0";
    if (peer_ == Peer::corral) {
      payload.assign(kHead, '\0');
      payload[0] = 3;
      payload[4] = 1;
      for (int i = 0; i < 8; ++i) payload[5 + i] = static_cast<char>(typed_ >> (56 - 8 * i));
    }
    typed_ += keys.size();
    send(frame(2, payload.append(keys)));
  }

  std::uint64_t output = 0;  // bytes of the terminal
  bool begun = false;        // something for the eye has come
  Clock::time_point last;    // when the newest of them came

 private:
  void send(const std::string& bytes) {
    if (::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("the server does not read");
  }

  void take(std::string_view bytes) {
    const auto before = output;
    while (!bytes.empty()) {
      if (left_ == 0 && !in_frame_) {
        head_ += bytes.front();
        bytes.remove_prefix(1);
        if (head_.size() < 2) continue;
        const auto small = static_cast<unsigned char>(head_[1]) & 0x7f;
        const std::size_t wide = small == 126 ? 2 : small == 127 ? 8 : 0;
        if (head_.size() < 2 + wide) continue;
        left_ = wide == 0 ? static_cast<unsigned>(small) : 0;
        for (std::size_t i = 0; i < wide; ++i)
          left_ = left_ << 8 | static_cast<unsigned char>(head_[2 + i]);
        opcode_ = head_[0] & 0x0f;
        length_ = left_;
        head_.clear();
        kept_.clear();
        in_frame_ = true;
        if (left_ > 0) continue;
      }
      const auto part = bytes.substr(0, left_);
      if (opcode_ != 2)
        kept_ += part;
      else if (kept_.size() < kHead)
        kept_ += part.substr(0, kHead - kept_.size());
      left_ -= part.size();
      bytes.remove_prefix(part.size());
      if (left_ > 0) break;
      in_frame_ = false;
      ended();
    }
    if (output != before) last = Clock::now();
  }

  // A whole frame has come.
  void ended() {
    if (opcode_ == 9) return send(frame(10, kept_));
    if (opcode_ == 8) throw std::runtime_error("the server closed the connection");
    if (peer_ == Peer::corral && opcode_ == 1 && kept_.find(R"("type":"error")") != kept_.npos)
      throw std::runtime_error(kept_);
    if (opcode_ != 2) return;
    if (peer_ == Peer::plain) {
      output += length_;
    } else if (peer_ == Peer::ttyd) {
      if (kept_[0] != '0') return;
      output += length_ - 1;
    } else {
      const auto size = length_ - kHead;
      if (kept_[0] == 1) output += size;
      if ((used_ += size) >= kCredit / 4)
        send(frame(1, fmt::format(R"({{"type":"credit","channel":1,"bytes":{}}})",
                                  std::exchange(used_, 0))));
    }
    begun = true;
  }

  const Peer peer_;
  const std::string session_;
  const int number_;
  const Pace pace_;
  tcp::socket socket_;
  std::string head_, kept_;
  std::uint64_t left_ = 0, length_ = 0;
  int opcode_ = 0;
  bool in_frame_ = false;
  std::uint64_t typed_ = 0;
  std::size_t used_ = 0;
};

// Viewers of one server, on one thread.
class Room {
 public:
  Room(Peer peer, std::uint16_t port, std::string path, const std::string& session, int viewers,
       int odd) {
    for (int i = 0; i < viewers; ++i) {
      const auto pace = i == 0 || i > odd ? Pace::fast : i == 1 ? Pace::stalled : Pace::slow;
      all_.push_back(std::make_unique<Viewer>(context_, peer, session, i, pace));
      if (pace == Pace::fast) fast_.push_back(all_.back().get());
      run(all_.back()->open(port, path));
      start(all_.back()->read());
    }
    // Corral shows what there is; the others may have nothing to show.
    if (peer == Peer::corral) run_until([&] { return first().begun; });
  }
  Viewer& first() { return *all_.front(); }
  std::vector<Viewer*>& fast() { return fast_; }

  void run_until(const std::function<bool()>& done) {
    const auto begin = Clock::now();
    while (!done()) {
      context_.run_one_for(std::chrono::seconds(1));
      if (thrown_) std::rethrow_exception(thrown_);
      if (seconds_since(begin) > 300) throw std::runtime_error("nothing more comes");
    }
  }
  // Until nothing has come for a moment.
  void settle() {
    const auto sum = [&] {
      std::uint64_t bytes = 0;
      for (const auto* viewer : fast_) bytes += viewer->output;
      return bytes;
    };
    auto before = sum();
    auto since = Clock::now();
    run_until([&] {
      if (const auto now = sum(); now != before) before = now, since = Clock::now();
      return seconds_since(since) > 0.5;
    });
  }

 private:
  void run(asio::awaitable<void> task) {
    bool done = false;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr thrown) {
      thrown_ = thrown;
      done = true;
    });
    run_until([&] { return done; });
  }
  void start(asio::awaitable<void> task) {
    asio::co_spawn(context_, std::move(task),
                   [this](std::exception_ptr thrown) { thrown_ = thrown; });
  }

  asio::io_context context_{1};
  const asio::executor_work_guard<asio::io_context::executor_type> open_{context_.get_executor()};
  std::exception_ptr thrown_;
  std::vector<std::unique_ptr<Viewer>> all_;
  std::vector<Viewer*> fast_;
};

void print_percentiles(std::vector<double> micros) {
  std::ranges::sort(micros);
  const auto at = [&](double part) {
    return micros[static_cast<std::size_t>(static_cast<double>(micros.size() - 1) * part)];
  };
  fmt::print("{:.1f} {:.1f}\n", at(0.5), at(0.99));
}

// What the terminal makes of them: a line end becomes two bytes, and a line stays below what a
// terminal takes.
std::string_view key(int number) { return number % 64 == 63 ? "\n" : "k"; }
std::uint64_t echoed(std::string_view keys) { return keys == "\n" ? 2 : 1; }

void bulk(Room& room, std::uint64_t bytes, int rounds) {
  room.settle();
  double sum = 0, least = 1e9;
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::uint64_t> goals;
    for (const auto* viewer : room.fast()) goals.push_back(viewer->output + bytes);
    const auto begin = Clock::now();
    room.first().type("\n");
    room.run_until([&] {
      for (std::size_t i = 0; i < goals.size(); ++i)
        if (room.fast()[i]->output < goals[i]) return false;
      return true;
    });
    for (const auto* viewer : room.fast()) {
      const double rate = static_cast<double>(bytes) / 1e6 /
                          std::chrono::duration<double>(viewer->last - begin).count();
      sum += rate;
      least = std::min(least, rate);
    }
  }
  fmt::print("{:.1f} {:.1f}\n", sum / rounds / static_cast<double>(room.fast().size()), least);
}

void echo(Room& room, int keys) {
  room.settle();
  std::vector<double> micros;
  for (int i = -keys / 10; i < keys; ++i) {
    std::vector<std::uint64_t> goals;
    for (const auto* viewer : room.fast()) goals.push_back(viewer->output + echoed(key(i + keys)));
    const auto begin = Clock::now();
    room.first().type(key(i + keys));
    room.run_until([&] {
      for (std::size_t v = 0; v < goals.size(); ++v)
        if (room.fast()[v]->output < goals[v]) return false;
      return true;
    });
    if (i >= 0) micros.push_back(seconds_since(begin) * 1e6);
  }
  print_percentiles(std::move(micros));
}

// A terminal, and nothing that knows of it between.
class Bare {
 public:
  Bare(int processes, char** command) {
    winsize size{24, 80, 0, 0};
    int terminal = -1;
    if (::forkpty(&terminal, nullptr, nullptr, &size) == 0) {
      ::execvp(command[0], command);
      ::_exit(127);
    }
    end_ = corral::bench::through_processes(corral::Fd(terminal), processes);
  }
  void type(std::string_view keys) {
    CORRAL_ASSERT(::write(end_.get(), keys.data(), keys.size()) > 0);
  }
  void take(std::uint64_t bytes) {
    while (bytes > 0) {
      const auto got = ::read(end_.get(), buffer_.data(), buffer_.size());
      if (got <= 0) throw std::runtime_error("the terminal has ended");
      bytes -= std::min<std::uint64_t>(bytes, static_cast<std::uint64_t>(got));
    }
  }

 private:
  corral::Fd end_;
  std::vector<char> buffer_ = std::vector<char>(256u << 10);
};

int run(int count, char** arguments) {
  const std::string mode = count > 1 ? arguments[1] : "";
  const auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
  if (mode == "drain" && count > 5) {
    Bare bare(static_cast<int>(number(4)), arguments + 5);
    bare.take(7);  // "ready\r\n"
    double sum = 0;
    for (std::uint64_t round = 0; round < number(3); ++round) {
      const auto begin = Clock::now();
      bare.type("\n");
      bare.take(number(2));
      sum += static_cast<double>(number(2)) / 1e6 / seconds_since(begin);
    }
    fmt::print("{:.1f}\n", sum / static_cast<double>(number(3)));
    return 0;
  }
  if (mode == "keys" && count > 4) {
    Bare bare(static_cast<int>(number(3)), arguments + 4);
    bare.take(7);  // "ready\r\n"
    std::vector<double> micros;
    for (std::uint64_t i = 0; i < number(2); ++i) {
      const auto begin = Clock::now();
      bare.type(key(static_cast<int>(i)));
      bare.take(echoed(key(static_cast<int>(i))));
      micros.push_back(seconds_since(begin) * 1e6);
    }
    print_percentiles(std::move(micros));
    return 0;
  }
  if (mode == "copy" && count == 2) {
    corral::bench::copy();
    return 0;
  }
  if (mode == "shown" && count == 6) {
    std::vector<double> all;
    for (std::uint64_t i = 0; i < number(5); ++i) {
      const auto begin = Clock::now();
      const Room room(Peer::corral, static_cast<std::uint16_t>(number(2)), arguments[3],
                      arguments[4], 1, 0);
      all.push_back(seconds_since(begin) * 1e3);
    }
    std::ranges::sort(all);
    fmt::print("{:.1f} {:.1f}\n", all[all.size() / 2], all.back());
    return 0;
  }
  if ((mode != "bulk" || count != 10) && (mode != "echo" || count != 8)) return 2;
  const std::string name = arguments[2];
  const auto peer = name == "corral" ? Peer::corral : name == "ttyd" ? Peer::ttyd : Peer::plain;
  Room room(peer, static_cast<std::uint16_t>(number(3)), arguments[4], arguments[5],
            static_cast<int>(number(6)), mode == "bulk" ? static_cast<int>(number(7)) : 0);
  if (mode == "bulk")
    bulk(room, number(8), static_cast<int>(number(9)));
  else
    echo(room, static_cast<int>(number(7)));
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& wrong) {
    fmt::print(stderr, "{}\n", wrong.what());
    return 1;
  }
}
