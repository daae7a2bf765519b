// SPDX-License-Identifier: GPL-2.0-or-later
/// What the hypervisor's tests stand on: a libvirtd of their own, a GLib main loop, a guest's
/// console.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hostd/libvirt/hypervisor.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::hostd {

/// Runs a program and waits for it; its standard output. An absolute path first.
std::string Output(const std::vector<std::string>& argv, int* status = nullptr);
std::string Virsh(const std::vector<std::string>& arguments, int* status = nullptr);

/// libvirtd and virtlogd of this sandbox, started on first use.
void StartLibvirtd();
void KillLibvirtd();

/// The QEMU of a level; 0 if none runs.
pid_t QemuOf(const std::string& level);
/// One line of /proc/PID/status: "Uid:\t1\t1\t1\t1".
std::string ProcStatus(pid_t pid, const std::string& key);

bool Eventually(std::chrono::seconds limit, const std::function<bool()>& probe);

/// The default main context, served by a thread.
class MainLoop {
 public:
  MainLoop();
  ~MainLoop();

 private:
  GMainLoop* loop_;
  std::thread thread_;
};

/// Collects events.
class EventLog {
 public:
  void Add(const DomainEvent& event);
  bool WaitFor(DomainEvent::Kind kind, const std::string& level, std::chrono::seconds limit);
  std::vector<DomainEvent> All();
  void Clear();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<DomainEvent> events_;
};

/// Reads a level's console from its UNIX socket.
class Console {
 public:
  explicit Console(const std::string& socket_path);
  ~Console();
  bool WaitFor(const std::string& text, std::chrono::seconds limit);
  std::string Text();

 private:
  UniqueFd fd_;
  std::mutex mutex_;
  std::string text_;
  std::thread reader_;
};

/// A loop device over a file of 1 MiB that begins with "BULKHEAD".
class LoopDevice {
 public:
  LoopDevice();
  ~LoopDevice();
  const std::string& path() const { return path_; }
  std::string id() const { return path_.substr(5); }

 private:
  std::string path_;
};

}  // namespace bulkhead::hostd
