// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-send --to LEVEL [--name NAME] FILE...: hands files to a flow that leads out of this
/// level. Exit: 0 handed over, 3 refused (no flow leads there, or the name), 1 anything else.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "guest-images/agent/send_messages.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/socket.h"

namespace bulkhead::agent {
namespace {

/// Longer than the agent's own patience with the host, for each of up to 17 files in line.
constexpr std::chrono::minutes kPatience{30};

struct Order {
  std::string to;
  std::string name;  ///< empty: the file's own
  std::vector<std::string> files;
};

int Usage(std::FILE* where, int code) {
  std::fputs(
      "usage: bulkhead-send --to LEVEL [--name NAME] FILE...\n"
      "Hands files to the flow that leads from this level to LEVEL.\n"
      "Exit: 0 handed over, 3 refused, 1 failed.\n",
      where);
  return code;
}

void Say(const std::string& file, const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-send: %s: %s\n", Printable(file).c_str(), sentence.c_str());
}

std::string LastPart(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

void ShowProgress(const SendProgress& p) {
  if (::isatty(2) == 0) return;
  auto percent = p.total == 0 ? 100 : p.done * 100 / p.total;
  std::fprintf(stderr, "\r%3llu %% of %llu bytes\033[K%s", static_cast<unsigned long long>(percent),
               static_cast<unsigned long long>(p.total), p.done == p.total ? "\n" : "");
}

Result<SendResult> Await(FrameSocket& socket) {
  for (;;) {
    auto received = socket.Receive(kPatience);
    if (!received) return Propagate(received);
    auto message = DecodeSend(received->frame);
    if (!message) return Propagate(message);
    if (auto* result = std::get_if<SendResult>(&*message)) return *result;
    if (auto* progress = std::get_if<SendProgress>(&*message)) ShowProgress(*progress);
  }
}

Result<SendResult> SendOne(const Order& order, const std::string& file) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return FailErrno("open");
  const char* path = std::getenv("BULKHEAD_SEND_SOCKET");
  auto connection = ConnectUnix(path != nullptr ? path : kSendSocket);
  if (!connection) {
    return Fail(ErrorCode::kUnavailable, "this level's agent does not answer; try again later");
  }
  FrameSocket socket(std::move(*connection), kSendMaxPayload);
  SendRequest request{order.to, order.name.empty() ? LastPart(file) : order.name};
  if (auto s =
          WriteAll(socket.fd(), Encode(SendMessage(request)), std::chrono::seconds(5), {fd.get()});
      !s) {
    return Propagate(s);
  }
  return Await(socket);
}

int Send(const Order& order) {
  int worst = kHandedOver;
  for (const std::string& file : order.files) {
    auto result = SendOne(order, file);
    int code = result ? result->code : int{kFailed};
    if (code == kHandedOver) {
      std::printf("%s: handed over to %s\n", Printable(file).c_str(), Printable(order.to).c_str());
      continue;
    }
    Say(file, result ? Printable(result->sentence, 512) : result.error().message);
    worst = worst == kHandedOver ? code : worst;
  }
  return worst;
}

int Main(int argc, char** argv) {
  Order order;
  bool options = true;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    if (options && (word == "-h" || word == "--help")) return Usage(stdout, 0);
    if (options && word == "--") {
      options = false;
    } else if (options && (word == "--to" || word == "--name")) {
      if (++i == argc) return Usage(stderr, 1);
      (word == "--to" ? order.to : order.name) = argv[i];
    } else if (options && word.size() > 1 && word[0] == '-') {
      return Usage(stderr, 1);
    } else {
      order.files.push_back(word);
    }
  }
  if (order.to.empty() || order.files.empty()) return Usage(stderr, 1);
  if (!order.name.empty() && order.files.size() > 1) {
    std::fputs("bulkhead-send: --name is for one file\n", stderr);
    return 1;
  }
  return Send(order);
}

}  // namespace
}  // namespace bulkhead::agent

int main(int argc, char** argv) { return bulkhead::agent::Main(argc, argv); }
