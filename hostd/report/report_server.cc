// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/report/report_server.h"

#include <glib-unix.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "vmspec/base/report_messages.h"

namespace bulkhead::hostd {

namespace {
constexpr std::uint32_t kAcceptPauseMs = 200;
}  // namespace

/// One connection. The source is renewed when what is waited for changes.
struct ReportServer::Speaker {
  Speaker(ReportServer* o, Role r, UniqueFd f) : owner(o), role(std::move(r)), fd(std::move(f)) {}
  ~Speaker() {
    if (source != 0) g_source_remove(source);
  }
  Speaker(const Speaker&) = delete;
  Speaker& operator=(const Speaker&) = delete;

  ReportServer* owner;
  Role role;
  UniqueFd fd;
  FrameReader reader{report::kReportMaxPayload};
  FrameQueue out{kMaxQueuedForSpeaker};
  unsigned source = 0;
  GIOCondition watched{};
};

ReportServer::ReportServer(UniqueFd listener, Handlers handlers)
    : listener_(std::move(listener)), handlers_(std::move(handlers)) {
  WatchListener();
}

void ReportServer::WatchListener() {
  listen_source_ = g_unix_fd_add(
      listener_.get(), G_IO_IN,
      [](int, GIOCondition, gpointer self) -> gboolean {
        static_cast<ReportServer*>(self)->Accept();
        return G_SOURCE_CONTINUE;
      },
      this);
}

ReportServer::~ReportServer() {
  speakers_.clear();
  if (listen_source_ != 0) g_source_remove(listen_source_);
}

Result<std::unique_ptr<ReportServer>> ReportServer::Listen(const std::string& path,
                                                           Handlers handlers) {
  auto listener = ListenUnix(path, 0666);
  if (!listener) return Propagate(listener);
  return std::unique_ptr<ReportServer>(new ReportServer(std::move(*listener), std::move(handlers)));
}

void ReportServer::Accept() {
  auto fd = AcceptUnix(listener_.get());
  if (!fd) {
    // No descriptor is free, say: who waits stays in the queue, and asking at once again would be
    // all that this process does.
    g_source_remove(std::exchange(listen_source_, 0));
    return pause_.Set(kAcceptPauseMs, [this] { WatchListener(); });
  }
  if (!*fd) return;
  auto peer = PeerOf(fd->get());
  if (!peer) return;
  auto role = handlers_.role_of(peer->uid);
  if (role) Add(std::move(*fd), std::move(*role));
}

void ReportServer::Add(UniqueFd fd, Role role) {
  // Its process was started anew before the end of the old connection was seen.
  if (speakers_.contains(role)) Drop(role, "it connected anew");
  auto speaker = std::make_unique<Speaker>(this, role, std::move(fd));
  Watch(*speaker);
  speakers_[role] = std::move(speaker);
  handlers_.on_up(role);
}

void ReportServer::Watch(Speaker& speaker) {
  auto wanted = static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR |
                                          (speaker.out.empty() ? 0 : G_IO_OUT));
  if (speaker.source != 0 && wanted == speaker.watched) return;
  if (speaker.source != 0) g_source_remove(speaker.source);
  speaker.watched = wanted;
  speaker.source = g_unix_fd_add(
      speaker.fd.get(), wanted,
      [](int, GIOCondition condition, gpointer s) -> gboolean {
        auto* self = static_cast<Speaker*>(s);
        self->owner->OnReady(*self, condition);
        return G_SOURCE_CONTINUE;
      },
      &speaker);
}

void ReportServer::OnReady(Speaker& speaker, unsigned condition) {
  const Role role = speaker.role;
  if ((condition & G_IO_OUT) != 0) {
    if (Status s = speaker.out.Flush(speaker.fd.get()); !s) return Drop(role, s.error().message);
  }
  if ((condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0 && !Read(speaker)) return;
  auto it = speakers_.find(role);
  if (it != speakers_.end()) Watch(*it->second);
}

bool ReportServer::Read(Speaker& speaker) {
  std::array<std::uint8_t, 65536> buffer;
  ssize_t n = ::recv(speaker.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (n <= 0) {
    Drop(speaker.role, "it closed the connection");
    return false;
  }
  return TakeFrames(speaker, ByteView(buffer).first(static_cast<std::size_t>(n)));
}

bool ReportServer::TakeFrames(Speaker& speaker, ByteView in) {
  const Role role = speaker.role;
  while (!in.empty()) {
    auto taken = speaker.reader.Feed(in);
    if (!taken) {
      Drop(role, taken.error().message);
      return false;
    }
    in = in.subspan(*taken);
    auto frame = speaker.reader.Next();
    if (!frame) continue;
    if (Status s = handlers_.on_frame(role, *frame); !s) {
      Drop(role, s.error().message);
      return false;
    }
    // A handler may have cut this speaker off, by sending to it.
    auto it = speakers_.find(role);
    if (it == speakers_.end() || it->second.get() != &speaker) return false;
  }
  return true;
}

bool ReportServer::Send(const Role& role, Bytes frame) {
  auto it = speakers_.find(role);
  if (it == speakers_.end()) return false;
  Speaker& speaker = *it->second;
  Status sent = speaker.out.Push(std::move(frame));
  if (sent) sent = speaker.out.Flush(speaker.fd.get());
  if (!sent) {
    Drop(role, sent.error().message);
    return false;
  }
  Watch(speaker);
  return true;
}

void ReportServer::Drop(const Role& role, const std::string& why) {
  auto it = speakers_.find(role);
  if (it == speakers_.end()) return;
  auto gone = std::move(it->second);
  speakers_.erase(it);
  handlers_.on_gone(role, why);
}

}  // namespace bulkhead::hostd
