// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "hostd/super/event_loop.h"
#include "hostd/super/super_protocol.h"
#include "vmspec/base/frame_queue.h"

namespace bulkhead::super {

/// superd's socket: one bounded request, one answer a connection; only root and hostd are heard.
/// Never blocks the loop. The process's threads: the main one only.
class RequestServer {
 public:
  using Answerer = std::function<Answer(const Request&)>;

  /// Listens on `path`. `loop` is borrowed and outlives this.
  static Result<std::unique_ptr<RequestServer>> Create(EventLoop* loop, const std::string& path,
                                                       Answerer answer);
  ~RequestServer();

  /// Ends connections that take longer than 5 s; to be called now and then.
  void EndSlowOnes();

 private:
  struct Connection;
  RequestServer(EventLoop* loop, UniqueFd listener, std::string path, Answerer answer);
  void Accept();
  void Handle(int fd, std::uint32_t events);
  Status Read(Connection& c);
  void Reply(Connection& c, const Answer& answer);
  void End(int fd);

  EventLoop* loop_;
  UniqueFd listener_;
  std::string path_;
  Answerer answer_;
  std::map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace bulkhead::super
