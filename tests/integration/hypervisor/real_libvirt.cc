// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/integration/hypervisor/real_libvirt.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bulkhead::hostd {

using std::chrono::seconds;
using std::chrono::steady_clock;

std::string Output(const std::vector<std::string>& argv, int* status) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  UniqueFd reading(pipe[0]);
  UniqueFd writing(pipe[1]);
  std::vector<char*> raw;
  for (const auto& a : argv) raw.push_back(const_cast<char*>(a.c_str()));
  raw.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
  pid_t pid = 0;
  int error = ::posix_spawn(&pid, raw[0], &actions, nullptr, raw.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error(argv[0] + ": " + std::strerror(error));
  writing.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(reading.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(n));
  }
  int ended = 0;
  ::waitpid(pid, &ended, 0);
  if (status != nullptr) *status = ended;
  return text;
}

std::string Virsh(const std::vector<std::string>& arguments, int* status) {
  std::vector<std::string> argv = {"/usr/bin/virsh", "-q", "-c", "qemu:///system"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Output(argv, status);
}

bool Eventually(seconds limit, const std::function<bool()>& probe) {
  auto end = steady_clock::now() + limit;
  while (!probe()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

namespace {

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// -d would hold our pipe open: its own output goes to a log.
void Daemon(const std::string& program) {
  pid_t pid = ::fork();
  if (pid == 0) {
    int null = ::open("/dev/null", O_RDWR);
    int log = ::open("/run/daemons.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(null, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execl(program.c_str(), program.c_str(), "-d", nullptr);
    ::_exit(127);
  }
  ::waitpid(pid, nullptr, 0);
}

pid_t PidIn(const std::string& file) {
  return static_cast<pid_t>(std::atoi(ReadAll(file).c_str()));
}

}  // namespace

void StartLibvirtd() {
  // As superd does: QEMU's uid passes through this folder.
  ::chmod("/var/lib/libvirt/qemu", 0751);
  if (PidIn("/run/virtlogd.pid") == 0) Daemon("/usr/sbin/virtlogd");
  Daemon("/usr/sbin/libvirtd");
  if (!Eventually(seconds(30), [] { return ::access("/run/libvirt/libvirt-sock", F_OK) == 0; })) {
    throw std::runtime_error("libvirtd does not start: " + ReadAll("/run/daemons.log"));
  }
}

void KillLibvirtd() {
  pid_t pid = PidIn("/run/libvirtd.pid");
  if (pid <= 1) throw std::runtime_error("libvirtd does not run");
  ::kill(pid, SIGKILL);
  ::unlink("/run/libvirt/libvirt-sock");
}

pid_t QemuOf(const std::string& level) {
  return PidIn("/run/libvirt/qemu/" + DomainName(level) + ".pid");
}

std::string ProcStatus(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key + ":")) return line;
  }
  return "";
}

MainLoop::MainLoop()
    : loop_(g_main_loop_new(nullptr, FALSE)), thread_([this] { g_main_loop_run(loop_); }) {}

MainLoop::~MainLoop() {
  g_idle_add(
      [](gpointer loop) {
        return g_main_loop_quit(static_cast<GMainLoop*>(loop)), G_SOURCE_REMOVE;
      },
      loop_);
  thread_.join();
  g_main_loop_unref(loop_);
}

void EventLog::Add(const DomainEvent& event) {
  std::lock_guard lock(mutex_);
  events_.push_back(event);
  changed_.notify_all();
}

bool EventLog::WaitFor(DomainEvent::Kind kind, const std::string& level, seconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] {
    return std::ranges::any_of(events_,
                               [&](const auto& e) { return e.kind == kind && e.level == level; });
  });
}

std::vector<DomainEvent> EventLog::All() {
  std::lock_guard lock(mutex_);
  return events_;
}

void EventLog::Clear() {
  std::lock_guard lock(mutex_);
  events_.clear();
}

Console::Console(const std::string& socket_path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(socket_path + ": " + std::strerror(errno));
  }
  reader_ = std::thread([this] {
    char buffer[4096];
    for (ssize_t n; (n = ::read(fd_.get(), buffer, sizeof buffer)) > 0;) {
      std::lock_guard lock(mutex_);
      text_.append(buffer, static_cast<std::size_t>(n));
    }
  });
}

Console::~Console() {
  ::shutdown(fd_.get(), SHUT_RDWR);
  reader_.join();
}

std::string Console::Text() {
  std::lock_guard lock(mutex_);
  return text_;
}

bool Console::WaitFor(const std::string& text, seconds limit) {
  return Eventually(limit, [&] { return Text().find(text) != std::string::npos; });
}

LoopDevice::LoopDevice() {
  std::string file = "/var/lib/bulkhead/medium-" + std::to_string(::rand()) + ".img";
  std::ofstream(file) << "BULKHEAD";
  if (::truncate(file.c_str(), 1 << 20) != 0) throw std::runtime_error(file);
  path_ = Output({"/usr/sbin/losetup", "-f", "--show", file});
  if (!path_.starts_with("/dev/loop")) throw std::runtime_error("no loop device");
  path_.pop_back();
}

LoopDevice::~LoopDevice() { Output({"/usr/sbin/losetup", "-d", path_}); }

}  // namespace bulkhead::hostd
