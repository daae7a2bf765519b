// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/instance_folders.h"

#include <fcntl.h>
#include <unistd.h>

#include "hostd/super/folders.h"
#include "vmspec/base/identity.h"

namespace bulkhead::super {

namespace {

using hostd::ServiceInstance;
using Kind = ServiceInstance::Kind;

/// Consumers pass through, nobody lists.
constexpr Owner kPassage{0, 0, 0711};
/// The consumer connects to the socket in it and can change nothing: libvirt's chown of the socket
/// it has just made would follow a symlink.
constexpr Owner ForConsumer(uid_t uid) { return {0, uid, 0710}; }

std::string PortOf(const ServiceInstance& i) {
  switch (i.kind) {
    case Kind::kAgentd:
      return "control";
    case Kind::kDiodeSend:
      return "out." + i.name;
    case Kind::kDiodeReceive:
      return "in." + i.name;
  }
  return {};
}

uid_t ConsumerOf(const ServiceInstance& i) {
  switch (i.kind) {
    case Kind::kAgentd:
      return AgentdUid(i.index);
    case Kind::kDiodeSend:
      return DiodeSendUid(i.index);
    case Kind::kDiodeReceive:
      return DiodeReceiveUid(i.index);
  }
  return 0;
}

Status MakeChannel(int channels, const ServiceInstance& i) {
  auto level = MakeFolderAt(channels, i.level, kPassage);
  if (!level) return Propagate(level);
  auto port = MakeFolderAt(level->get(), PortOf(i), ForConsumer(ConsumerOf(i)));
  if (!port) return Propagate(port, i.level);
  if (i.kind != Kind::kAgentd) return {};
  auto console = MakeFolderAt(level->get(), "console", ForConsumer(kUidHostd));
  if (!console) return Propagate(console, i.level);
  // libvirt gives the socket to the level's uid and gid. hostd is in no level's group.
  auto let_in = LetIn(console->get(), kUidHostd);
  return let_in ? Status() : Propagate(let_in, i.level);
}

Status MakePipe(int flows, const ServiceInstance& i) {
  auto flow = MakeFolderAt(flows, i.name, kPassage);
  if (!flow) return Propagate(flow);
  // One side can only write, the other can only read, nobody else either.
  Owner owner{DiodeSendUid(i.index), DiodeReceiveUid(i.index), 0240};
  auto made = MakeFifoAt(flow->get(), "pipe", owner);
  return made ? Status() : Propagate(made, i.name);
}

Status MakeSpool(int spools, const ServiceInstance& i) {
  auto flow = MakeFolderAt(spools, i.name, kPassage);
  if (!flow) return Propagate(flow);
  const char* side = i.kind == Kind::kDiodeSend ? "send" : "receive";
  auto spool =
      MakeFolderAt(flow->get(), side, {ConsumerOf(i), ConsumerOf(i), 0700, /*hand_over=*/true});
  return spool ? Status() : Propagate(spool, i.name);
}

}  // namespace

Status MakeInstanceFolders(const Paths& paths, const std::vector<ServiceInstance>& instances) {
  auto channels = MakeFolder(paths.run + "/channels", kPassage);
  if (!channels) return Propagate(channels);
  auto flows = MakeFolder(paths.run + "/flows", kPassage);
  if (!flows) return Propagate(flows);
  auto spools = MakeFolder(paths.state + "/flows", kPassage);
  if (!spools) return Propagate(spools);
  for (const auto& i : instances) {
    if (auto s = MakeChannel(channels->get(), i); !s) return Propagate(s, paths.run + "/channels");
    if (i.kind == Kind::kAgentd) continue;
    if (auto s = MakePipe(flows->get(), i); !s) return Propagate(s, paths.run + "/flows");
    if (auto s = MakeSpool(spools->get(), i); !s) return Propagate(s, paths.state + "/flows");
  }
  return {};
}

void RemoveInstanceFolders(const Paths& paths, const ServiceInstance& i) {
  std::string channels = paths.run + "/channels";
  UniqueFd root(::open(channels.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return;
  UniqueFd level(
      ::openat(root.get(), i.level.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!level) return;
  RemoveFolderAt(level.get(), PortOf(i));
  if (i.kind == Kind::kAgentd) RemoveFolderAt(level.get(), "console");
  RemoveFolderAt(root.get(), i.level);
}

}  // namespace bulkhead::super
