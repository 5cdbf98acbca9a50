// wss://: whom the client trusts, and that messages pass.
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/fd.h"
#include "base/freed.h"
#include "edge/websocket/client.h"
#include "edge/websocket/frames.h"
#include "edge/websocket/handshake.h"

namespace corral::edge {
namespace {

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

// Signed by itself, good for `name` ("IP:127.0.0.1").
Certificate make_certificate(EVP_PKEY* key, const char* name) {
  Certificate certificate(X509_new());
  X509* x = certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, key);
  X509_NAME* subject = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(x, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name);
  X509_add_ext(x, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(x, key, EVP_sha256());
  return certificate;
}

// Serves one connection on a thread: shakes hands, echoes one text message, reads to the end.
class TlsServer {
 public:
  explicit TlsServer(const char* name)
      : key_(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")),
        certificate_(make_certificate(key_.get(), name)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        ca_file(::testing::TempDir() + "websocket_tls_test.pem") {
    FILE* file = std::fopen(ca_file.c_str(), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), plain, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    ::getsockname(listener_.get(), plain, &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() { thread_.join(); }

 private:
  void serve() {
    const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), certificate_.get());
    SSL_CTX_use_PrivateKey(context.get(), key_.get());
    const Fd socket(::accept(listener_.get(), nullptr, nullptr));
    const std::unique_ptr<SSL, Freed<SSL_free>> tls(SSL_new(context.get()));
    SSL_set_fd(tls.get(), socket.get());
    if (SSL_accept(tls.get()) != 1) return;
    std::string request;
    std::array<char, 4096> bytes;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const int count = SSL_read(tls.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (count <= 0) return;
      request.append(bytes.data(), static_cast<std::size_t>(count));
    }
    const auto key = request.find("Sec-WebSocket-Key: ") + 19;
    const std::string answer = fmt::format(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(std::string_view(request).substr(key, 24)));
    SSL_write(tls.get(), answer.data(), static_cast<int>(answer.size()));
    FrameDecoder decoder(Role::server, 1u << 20, {});
    while (true) {
      const int count = SSL_read(tls.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (count <= 0) return;
      std::size_t at = 0, consumed = 0;
      for (; at < static_cast<std::size_t>(count); at += consumed) {
        const auto event = decoder.feed(
            std::span(bytes.data() + at, static_cast<std::size_t>(count) - at), consumed);
        if (event != FrameDecoder::Event::message) continue;
        const Message message = decoder.take_message();
        const FrameHeader header(Opcode::text, message.bytes.size(), false);
        const std::string frame = std::string(header.view()) + message.bytes;
        SSL_write(tls.get(), frame.data(), static_cast<int>(frame.size()));
      }
      if (decoder.close_code() != 0) return;
    }
  }

  Key key_;
  Certificate certificate_;
  Fd listener_;
  std::thread thread_;

 public:
  const std::string ca_file;
  std::uint16_t port = 0;
};

Task<void> talk(std::string url, std::string ca_file, std::string& outcome) {
  auto opened = co_await connect_websocket(url, {}, {.ca_file = ca_file});
  if (!opened) {
    outcome = std::string(to_string(opened.error().code));
    co_return;
  }
  auto& socket = **opened;
  const std::string text(100'000, 'x');
  EXPECT_TRUE(co_await socket.send(Message::Kind::text, text));
  const auto message = co_await socket.receive();
  outcome = message && message->bytes == text ? "echoed" : "lost";
  co_await socket.close();
}

std::string outcome_of(std::string url, std::string ca_file) {
  asio::io_context context(1);
  std::string outcome;
  asio::co_spawn(context, talk(std::move(url), std::move(ca_file), outcome),
                 [](std::exception_ptr thrown) { EXPECT_FALSE(thrown); });
  context.run();
  return outcome;
}

TEST(WebSocketTls, PassesMessagesToAServerThatIsTrusted) {
  const TlsServer server("IP:127.0.0.1");
  EXPECT_EQ(outcome_of(fmt::format("wss://127.0.0.1:{}/", server.port), server.ca_file), "echoed");
}

TEST(WebSocketTls, RefusesACertificateOfNobodyKnownOrForAnotherName) {
  {
    const TlsServer server("IP:127.0.0.1");
    EXPECT_EQ(outcome_of(fmt::format("wss://127.0.0.1:{}/", server.port), ""), "unavailable");
  }
  const TlsServer server("DNS:example.com");
  EXPECT_EQ(outcome_of(fmt::format("wss://127.0.0.1:{}/", server.port), server.ca_file),
            "unavailable");
}

}  // namespace
}  // namespace corral::edge
