// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/instance_set.h"

#include <unistd.h>

#include <set>

#include "hostd/super/instance_folders.h"
#include "hostd/super/instance_rules.h"
#include "hostd/super/super_protocol.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

namespace bulkhead::super {

using hostd::ServiceInstance;

Status InstanceSet::Set(const std::vector<ServiceInstance>& instances, TimePoint now) {
  if (auto s = CheckInstances(instances); !s) return s;
  std::map<std::string, ServiceInstance> wanted;
  std::vector<UnitSpec> units;
  for (const auto& i : instances) {
    std::string name = UnitName(i);
    wanted.emplace(name, i);
    auto it = current_.find(name);
    if (it != current_.end() && it->second == i) continue;
    auto unit = InstanceUnit(*site_, i);
    if (!unit) return Propagate(unit);
    units.push_back(std::move(*unit));
  }
  if (auto s = MakeInstanceFolders(site_->paths, instances); !s) return s;
  if (auto s = Record(instances); !s) return s;
  DropOthers(wanted, now);
  for (auto& unit : units) supervisor_->Want(std::move(unit), now);
  current_ = std::move(wanted);
  return {};
}

void InstanceSet::DropOthers(const std::map<std::string, ServiceInstance>& wanted, TimePoint now) {
  for (const auto& [name, instance] : current_) {
    if (wanted.contains(name)) continue;
    supervisor_->Drop(name, now);
    RemoveInstanceFolders(site_->paths, instance);
  }
}

Status InstanceSet::Record(const std::vector<ServiceInstance>& instances) const {
  Bytes frame = Encode(Request(SetInstances{instances}));
  return WriteFileAtomically(RecordPath(),
                             {reinterpret_cast<const char*>(frame.data()), frame.size()}, 0600);
}

Status InstanceSet::Restore(TimePoint now) {
  auto content = ReadFile(RecordPath(), kMaxPayload + kFrameHeaderBytes);
  if (!content && content.error().code == ErrorCode::kNotFound) return {};
  if (!content) return Propagate(content);
  FrameReader reader(kMaxPayload);
  auto fed = reader.Feed({reinterpret_cast<const std::uint8_t*>(content->data()), content->size()});
  if (!fed) return Propagate(fed, RecordPath());
  auto frame = reader.Next();
  if (!frame) return Fail(ErrorCode::kCorrupt, RecordPath() + " is cut off");
  auto request = DecodeRequest(*frame);
  if (!request) return Propagate(request, RecordPath());
  auto* set = std::get_if<SetInstances>(&*request);
  if (set == nullptr) return Fail(ErrorCode::kCorrupt, RecordPath() + " is no list of instances");
  return Set(set->instances, now);
}

std::vector<uid_t> InstanceSet::LevelUids() const {
  std::set<uid_t> uids;
  for (const auto& [name, instance] : current_) uids.insert(LevelUid(instance.level_index));
  return {uids.begin(), uids.end()};
}

void InstanceSet::ForgetRecord() { ::unlink(RecordPath().c_str()); }

}  // namespace bulkhead::super
