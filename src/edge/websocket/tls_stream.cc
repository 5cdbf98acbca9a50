// TLS by Asio on OpenSSL, compiled here alone (BOOST_ASIO_SEPARATE_COMPILATION).
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "edge/websocket/byte_stream.h"

namespace corral::edge {
namespace {

namespace ssl = asio::ssl;
constexpr std::size_t kRecordBytes = 16u << 10;

// Shared with the operations under way, which OpenSSL's state has to outlive.
struct Tls {
  Tls(ssl::context with, StreamSocket socket)
      : context(std::move(with)), stream(std::move(socket), context) {}
  ssl::context context;
  ssl::stream<StreamSocket> stream;
  std::array<char, kRecordBytes> buffer;
};

class TlsStream final : public ByteStream {
 public:
  explicit TlsStream(std::shared_ptr<Tls> tls) : tls_(std::move(tls)) {}

  Task<std::span<char>> read() override {
    const auto tls = tls_;
    boost::system::error_code error;
    const std::size_t count = co_await tls->stream.async_read_some(
        asio::buffer(tls->buffer), asio::redirect_error(asio::use_awaitable, error));
    if (count == 0) {
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    co_return std::span(tls->buffer).first(count);
  }

  Task<bool> write(std::span<const std::string_view> parts) override {
    const auto tls = tls_;
    std::string bytes;
    for (const auto part : parts) bytes += part;
    boost::system::error_code error;
    const std::size_t count = co_await asio::async_write(
        tls->stream, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    written_ += count;
    co_return !error;
  }

  void write_then(std::string bytes, std::function<void(bool)> done) override {
    auto kept = std::make_shared<const std::string>(std::move(bytes));
    written_ += kept->size();
    asio::async_write(tls_->stream, asio::buffer(*kept),
                      [tls = tls_, kept, done = std::move(done)](boost::system::error_code error,
                                                                 std::size_t) { done(!error); });
  }

  std::uint64_t written() const override { return written_; }

  void end_writing() override {
    boost::system::error_code ignored;
    tls_->stream.next_layer().shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void close() override {
    boost::system::error_code ignored;
    tls_->stream.next_layer().close(ignored);
  }

  Executor executor() override { return tls_->stream.get_executor(); }

 private:
  std::shared_ptr<Tls> tls_;
  std::uint64_t written_ = 0;
};

std::unexpected<Error> no_tls(const std::string& host, const boost::system::error_code& error) {
  return fail(ErrorCode::unavailable, "no TLS connection to {}: {}", host, error.message());
}

}  // namespace

Task<Result<std::unique_ptr<ByteStream>>> make_tls_stream(StreamSocket socket, std::string host,
                                                          std::string ca_file) {
  boost::system::error_code error;
  ssl::context context(ssl::context::tls_client);
  context.set_default_verify_paths(error);
  if (!ca_file.empty()) context.load_verify_file(ca_file, error);
  if (error)
    co_return fail(ErrorCode::invalid, "reading certificates from {}: {}", ca_file,
                   error.message());
  auto tls = std::make_shared<Tls>(std::move(context), std::move(socket));
  tls->stream.set_verify_mode(ssl::verify_peer);
  tls->stream.set_verify_callback(ssl::host_name_verification(host));
  boost::system::error_code not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address && SSL_set_tlsext_host_name(tls->stream.native_handle(), host.c_str()) != 1)
    co_return fail(ErrorCode::invalid, "\"{}\" is no host name", host);
  co_await tls->stream.async_handshake(ssl::stream_base::client,
                                       asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return no_tls(host, error);
  co_return std::unique_ptr<ByteStream>(std::make_unique<TlsStream>(std::move(tls)));
}

}  // namespace corral::edge
