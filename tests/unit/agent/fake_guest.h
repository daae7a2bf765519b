// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "guest-images/agent/guest_system.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead::agent {

/// A guest in memory: its ports are socket pairs, of which the test holds the host's end.
class FakeGuest : public GuestSystem {
 public:
  /// Makes port `name` and returns the host's end.
  UniqueFd AddPort(const std::string& name) {
    int fds[2];
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
    ports_[name].reset(fds[0]);
    return UniqueFd(fds[1]);
  }

  Result<UniqueFd> OpenPort(std::string_view name) override {
    auto it = ports_.find(std::string(name));
    if (it == ports_.end()) return Fail(ErrorCode::kNotFound, "no port");
    return UniqueFd(::fcntl(it->second.get(), F_DUPFD_CLOEXEC, 0));
  }
  control::Hello Identity() override { return {1, "minimal", "v1", "boot"}; }
  control::Health Measure() override { return {1, 2, 3, 4, 5}; }
  Status SetClock(std::int64_t time_us) override {
    clock = time_us;
    return {};
  }
  Status SetHostName(const std::string& name) override {
    host_name = name;
    return {};
  }
  Status SetNetwork(const control::Welcome& welcome) override {
    if (!network_there) return Fail(ErrorCode::kNotFound, "no interface yet");
    address = welcome.ipv4;
    return {};
  }
  bool IsUp() override { return up; }
  Status PowerOff() override {
    powered_off = true;
    return {};
  }

  std::int64_t clock = 0;
  std::string host_name;
  std::string address;
  bool network_there = true;
  bool up = true;
  bool powered_off = false;

 private:
  std::map<std::string, UniqueFd> ports_;
};

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/agent-test-XXXXXX";
    path = ::mkdtemp(pattern);
    std::filesystem::permissions(path, std::filesystem::perms::all);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code none;
    std::filesystem::remove_all(path, none);
  }
  std::string path;
};

/// The host's end of a port: frames of one kind, with patience.
template <typename Decode>
auto NextFrom(int fd, FrameReader& reader, Bytes& pending, Decode decode,
              std::chrono::milliseconds patience) -> decltype(decode(Frame{})) {
  for (;;) {
    auto taken = reader.Feed(pending);
    if (!taken) return Propagate(taken);
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(*taken));
    if (auto frame = reader.Next()) return decode(*frame);
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, static_cast<int>(patience.count())) != 1) {
      return Fail(ErrorCode::kTimeout, "nothing came");
    }
    Bytes buffer(65536);
    ssize_t n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n <= 0) return Fail(ErrorCode::kUnavailable, "closed");
    pending.insert(pending.end(), buffer.begin(), buffer.begin() + n);
  }
}

}  // namespace bulkhead::agent
